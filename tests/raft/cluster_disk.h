// A simulated disk: what is durable, what is being written, and snapshot files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/random.h"
#include "raft/node.h"
#include "tests/raft/cluster_plan.h"

namespace ticketd::raft::cluster {

/// The replicated state: how far commands are applied, and a hash of all of them.
struct AppliedState {
  Index index;
  std::uint64_t digest = 0;
};

/// What a snapshot file says when it is whole and undamaged.
struct SnapshotContent {
  SnapshotMark mark;
  std::uint64_t digest = 0;
  ConfigurationAt configuration;
};

std::string encode_snapshot(const SnapshotContent& content, std::uint64_t file_id,
                            std::size_t padding);
std::optional<SnapshotContent> decode_snapshot(std::string_view bytes);

class Disk {
 public:
  Disk() { configurations_[Index{0}] = {}; }
  /// A founder's disk.
  Disk(const Entries& log, Term term, const Configuration& configuration, bool compacted);

  // --- Log and hard state -------------------------------------------------------------------
  /// Handed over, lost in a crash until `sync`.
  void write(Save save) { writing_ = std::move(save); }
  const std::optional<Save>& writing() const { return writing_; }
  /// What was written is durable now, all of it.
  Save sync();
  /// What was not synced is gone, and so is the file being received. `broken` loses more.
  void crash(Broken broken);

  Restored restored(Random& random) const;
  /// As Node::fetched wants them: consecutive, at least one if any, within max_bytes of payload.
  Entries read(Index from, Index to, std::size_t max_bytes) const;
  void compact(Index index);

  SnapshotMark compacted() const { return compacted_; }
  Index last_index() const { return compacted_.index + log_.size(); }
  Term term_at(Index index) const;
  const HardState& hard_state() const { return hard_state_; }
  const Configuration& newest_configuration() const {
    return configurations_.rbegin()->second.configuration;
  }

  // --- State --------------------------------------------------------------------------------
  void checkpoint(AppliedState applied) { applied_ = applied; }
  const AppliedState& applied() const { return applied_; }

  // --- Snapshots that are sent --------------------------------------------------------------
  /// Of the durable state; requires something applied.
  SnapshotMark make_snapshot(std::uint64_t file_id, std::size_t padding, Broken broken);
  /// The file made last, if it is not older than the log's beginning.
  std::optional<std::pair<SnapshotMark, std::uint64_t>> newest_snapshot() const;
  /// None when that file is not there.
  std::optional<SnapshotChunk> chunk(SnapshotMark mark, std::uint64_t file_id, std::uint64_t offset,
                                     std::size_t max_bytes) const;
  void drop_snapshots() { files_.clear(); }

  // --- The snapshot that is received --------------------------------------------------------
  /// False when the chunk does not continue the file; nothing has changed then.
  bool stage(const SnapshotChunk& chunk);
  std::uint64_t staged_bytes() const { return staged_.size(); }
  void damage_staged();
  /// None when the staged file is not a whole snapshot of that mark; it is thrown away.
  std::optional<SnapshotContent> install(SnapshotMark mark);

 private:
  const ConfigurationAt& configuration_at(Index index) const;

  HardState hard_state_;
  SnapshotMark compacted_;
  Entries log_;                                      // from compacted_.index + 1 on
  std::map<Index, ConfigurationAt> configurations_;  // the newest not above compacted_, and later
  AppliedState applied_;
  std::optional<Save> writing_;

  std::map<std::pair<SnapshotMark, std::uint64_t>, std::string> files_;
  SnapshotMark staged_mark_;
  std::uint64_t staged_file_ = 0;
  std::string staged_;
};

}  // namespace ticketd::raft::cluster
