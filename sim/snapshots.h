// The snapshot files of a simulated node, in the store's own format.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/platter.h"
#include "store/snapshot_files.h"

namespace ticketd::sim {

class Simulation;

/// Of one life of a process: what it received is gone with it, what it made is not. Files vanish,
/// and what is received is damaged.
class SimulatedSnapshots final : public store::SnapshotFiles {
 public:
  SimulatedSnapshots(Simulation& simulation, Platter& platter)
      : simulation_(simulation), platter_(platter) {}

  void fetch(const raft::FetchChunk& request, Answer answer) override;
  void make(raft::Index at_least, Made made) override;
  bool is_making() const override { return !waiting_.empty() || !ordered_.empty(); }
  void step() override;
  std::uint64_t made() const override { return made_; }
  raft::SnapshotMark newest() const override;

  std::uint64_t stage(const raft::SnapshotChunk& chunk) override;
  Result<store::SnapshotHeader> finish(raft::SnapshotMark mark) override;
  Result<std::unique_ptr<store::BlockFile>> open_received() override;
  void discard_received() override { received_.reset(); }

 private:
  struct Waiting {
    std::size_t max_bytes = 0;
    Answer answer;
  };

  bool file_goes_bad(std::uint64_t of);
  const SnapshotFile* find(const raft::FetchChunk& request) const;
  void make();

  Simulation& simulation_;
  Platter& platter_;
  std::vector<Waiting> waiting_;
  std::vector<Made> ordered_;
  std::uint64_t made_ = 0;
  std::string staged_;
  raft::SnapshotMark staged_mark_;
  std::uint64_t staged_id_ = 0;
  std::uint64_t staged_total_ = 0;
  std::unique_ptr<SimulatedFile> received_;
};

}  // namespace ticketd::sim
