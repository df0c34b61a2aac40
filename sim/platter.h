// What survives a crash of a simulated node.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "sim/file.h"
#include "sim/records.h"
#include "store/disk.h"
#include "store/recovery.h"

namespace ticketd::sim {

/// A log entry, and the hash of the whole log up to it: two logs are equal up to an index exactly
/// when their chains are equal there.
struct StoredEntry {
  raft::Entry entry;
  std::uint64_t chain = 0;
};

std::uint64_t chain_of(std::uint64_t previous, const raft::Entry& entry);

/// A file that was made for followers.
struct SnapshotFile {
  raft::SnapshotMark mark;
  std::uint64_t file_id = 0;
  std::shared_ptr<const std::string> bytes;
};

/// What a snapshot says of itself.
struct SnapshotContent {
  store::AppliedState state;
};

/// What the database holds of that which goes through the journal.
struct Stored {
  raft::HardState hard_state;
  std::deque<StoredEntry> log;  // from Platter::compacted.index + 1 on
  store::JournalMark mark;
};

struct Platter {
  store::Identity identity;
  /// The disk is gone: nothing of this is ever read again.
  bool lost = false;
  /// An acknowledged record of the journal has rotted: it must be refused.
  bool rotten = false;

  // What is durable, as those know it who watch: a restart must find exactly that.
  raft::HardState hard_state;
  raft::SnapshotMark compacted;
  std::uint64_t compacted_chain = 0;
  raft::ConfigurationAt compacted_configuration;
  std::deque<StoredEntry> log;  // from compacted.index + 1 on

  // What a restart finds it in. The database changes by whole transactions alone.
  SimulatedFile journal{"journal"};
  store::JournalShape shape;
  Stored stored;
  store::AppliedState applied;
  RecordStore records;
  std::uint64_t generation = 0;
  /// Of the generation before, until they are removed, or of the next one, while it is loaded.
  RecordStore other_records;
  std::vector<SnapshotFile> files;

  raft::MemberId member() const { return {identity.node, identity.incarnation}; }
  raft::Index last_index() const { return compacted.index + log.size(); }
  /// None outside [compacted.index, last_index()].
  std::optional<raft::Term> term_at(raft::Index index) const;
  std::optional<std::uint64_t> chain_at(raft::Index index) const;
  const raft::Entry& entry_at(raft::Index index) const {
    return log[index - (compacted.index + 1)].entry;
  }
  /// The newest in the log.
  raft::Configuration newest_configuration() const;

  void make_journal(const store::JournalShape& made);
  /// A founder's first entry.
  void found(const raft::Entry& first);

  // --- Transactions -----------------------------------------------------------------------------
  /// Hard state, entries and mark of a batch; the rest of it is the caller's.
  void store(const store::Batch& batch);
  /// The first `count` entries go. Requires that they are applied.
  void compact(std::size_t count);
  /// Log and state are a snapshot's, whose records have been loaded.
  void switch_to(raft::SnapshotMark mark, const store::Switch& to);

  // --- Coming back ------------------------------------------------------------------------------
  /// What the journal adds to the database, or how it is damaged.
  Result<store::Recovered> recover() const;
  /// The same; read when the power failed, if nothing has changed the disk since.
  Result<store::Recovered> recover_at_start();
  void recovered_at_crash(store::Recovered recovered) { recovered_ = std::move(recovered); }
  /// Would the database with this batch be exactly what is durable?
  bool is_durable(const store::Batch& recovered) const;
  /// Where a bit may rot, and whether that must be found. Never in the last record that is not in
  /// the database: it cannot be told from one that was being written.
  struct RotPlace {
    std::uint64_t offset = 0;
    bool promised = false;
  };
  RotPlace draw_rot(Random& random) const;
  void rot(const RotPlace& place, unsigned bit);
  /// What a replica starts from; the journal is in the database.
  store::Opened open() const;

  /// How the database stands.
  store::MetaRecord record() const;
  /// Of the log in the database. Requires that it is there.
  std::uint64_t stored_chain_at(raft::Index index) const {
    return index == compacted.index ? compacted_chain
                                    : stored.log[index - (compacted.index + 1)].chain;
  }

 private:
  std::optional<store::Recovered> recovered_;
};

}  // namespace ticketd::sim
