// The snapshot files of a data directory.
#pragma once

#include "store/snapshot_files.h"
#include "store/snapshots.h"
#include "store/staging.h"

namespace ticketd::store {

class DirectorySnapshots final : public SnapshotFiles {
 public:
  /// `spare_bytes`: what files leave free on the disk. `seed`: of the ids of those made.
  DirectorySnapshots(const Environment& environment, const Tables& tables, std::string path,
                     std::uint64_t spare_bytes, std::uint64_t seed);

  /// Takes over and removes what an earlier run left.
  Status tidy();

  void fetch(const raft::FetchChunk& request, Answer answer) override {
    made_.fetch(request, std::move(answer));
  }
  void make(raft::Index at_least, Made made) override { made_.make(at_least, std::move(made)); }
  bool is_making() const override { return made_.is_making(); }
  void step() override { made_.step(); }
  std::uint64_t made() const override { return made_.made(); }
  raft::SnapshotMark newest() const override { return made_.newest_mark(); }
  std::uint64_t stage(const raft::SnapshotChunk& chunk) override { return received_.stage(chunk); }
  Result<SnapshotHeader> finish(raft::SnapshotMark mark) override { return received_.finish(mark); }
  Result<std::unique_ptr<BlockFile>> open_received() override;
  void discard_received() override;

 private:
  const std::string path_;
  Snapshots made_;
  Staging received_;
};

}  // namespace ticketd::store
