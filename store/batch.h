// What one checkpoint stores, in one transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "raft/entry.h"
#include "store/changes.h"
#include "store/disk.h"

namespace ticketd::store {

/// A snapshot's state, loaded into the tables of the next generation, to be put in force.
struct Switch {
  AppliedState state;
  /// The log's chained hash at the snapshot's index.
  std::uint64_t chain = 0;
};

struct Batch {
  std::optional<raft::HardState> hard_state;
  /// They replace what LMDB's log holds from the first one's index on.
  raft::Entries entries;
  /// Null: none.
  std::shared_ptr<const Changes> changes;
  /// Where the machine stands with these changes. Not above the log's end.
  std::optional<AppliedState> applied;
  /// Then entries, changes and applied are not looked at: all of that is replaced.
  std::optional<Switch> switch_to;
  /// The last journal record that it covers.
  std::uint64_t journal_sequence = 0;
  /// Set when the directory was opened: the records to come are of a new epoch.
  std::optional<std::uint64_t> journal_epoch;
};

/// Puts a save's entries behind those, in place of what they replace.
void append_save(raft::Entries& entries, raft::Entries saved);

}  // namespace ticketd::store
