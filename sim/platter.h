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
#include "sim/records.h"
#include "store/disk.h"

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

/// What a snapshot file says.
struct SnapshotContent {
  store::AppliedState state;
  RecordStore records;
};

std::string encode_snapshot(const store::AppliedState& state, const RecordStore& records);
/// None: it was damaged.
std::optional<SnapshotContent> decode_snapshot(std::string_view bytes);

struct Platter {
  store::Identity identity;
  /// The disk is gone: nothing of this is ever read again.
  bool lost = false;
  raft::HardState hard_state;
  raft::SnapshotMark compacted;
  std::uint64_t compacted_chain = 0;
  raft::ConfigurationAt compacted_configuration;
  std::deque<StoredEntry> log;  // from compacted.index + 1 on
  store::AppliedState applied;
  RecordStore records;
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

  /// The first `count` entries go.
  void compact(std::size_t count);
  /// Log and state are a snapshot's.
  void install(raft::SnapshotMark mark, std::uint64_t chain, const SnapshotContent& content);
  store::Opened open() const;
};

}  // namespace ticketd::sim
