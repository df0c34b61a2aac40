#pragma once

#include <cstdint>

#include "raft/node.h"
#include "store/journal.h"
#include "ticket/machine.h"

namespace ticketd::store {

/// Everything of the node that is not an entry, a record, a configuration or its identity.
/// Written anew by each checkpoint.
struct MetaRecord {
  std::uint64_t generation = 0;
  raft::HardState hard_state;
  ticket::Summary summary;
  raft::SnapshotMark compacted;
  /// See chain_hash, at `compacted` and at the last entry.
  std::uint64_t compacted_chain = 0;
  raft::Index last_index;  // >= compacted.index, >= summary.applied_index
  std::uint64_t last_chain = 0;
  /// Sum of Entry::charge over the log.
  std::uint64_t log_bytes = 0;
  std::uint64_t journal_id = 0;
  /// epoch 0: the journal was never begun, and its file may be missing.
  JournalMark journal;

  bool operator==(const MetaRecord&) const = default;
};

}  // namespace ticketd::store
