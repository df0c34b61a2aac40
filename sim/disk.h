// A simulated disk: what is saved takes time, and what is not there yet is lost in a crash.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/plan.h"
#include "sim/platter.h"
#include "sim/records.h"
#include "store/disk.h"

namespace ticketd::sim {

class Process;
class Simulation;

class SimulatedDisk : public store::Disk {
 public:
  /// Of one life of a process. The platter outlives it.
  SimulatedDisk(Simulation& simulation, Process& process, Platter& platter);

  // --- Faults -----------------------------------------------------------------------------------
  /// Nothing ends before that moment.
  void hang_until(Micros moment);
  /// No more faults.
  void heal();
  bool hangs() const;
  /// The next write fails, and that ends the process.
  void fail_next_write() { fails_ = true; }
  /// Space is low; full: nothing more can be saved until there is room.
  void set_space(bool low, bool full);
  /// The write that is under way, if any, gets to the platter or does not; none: that is drawn.
  void crash(std::optional<bool> write_kept);
  bool writing() const { return writing_.has_value(); }
  Micros writing_since() const { return writing_since_; }

  // --- store::Disk ------------------------------------------------------------------------------
  void save(raft::Save save, Done done) override;
  ticket::State& state() override { return records_; }
  void warm(std::vector<std::string> keys, Done done) override;
  void warm(ticket::ListRange range, Done done) override;
  void applied(const store::AppliedState& applied) override;
  void fetch(const raft::FetchEntries& request, std::function<void(raft::Entries)> done) override;
  void fetch(const raft::FetchChunk& request,
             std::function<void(std::optional<raft::SnapshotChunk>)> done) override;
  void stage(raft::SnapshotChunk chunk, std::function<void(std::uint64_t)> done) override;
  void install(raft::SnapshotMark mark,
               std::function<void(Result<store::AppliedState>)> done) override;
  void on_compacted(std::function<void(raft::Index)> callback) override {
    compacted_ = std::move(callback);
  }
  store::SpaceReport space() const override { return space_; }
  store::DiskCounters counters() const override { return counters_; }
  /// Finishes what is under way and stores everything.
  void close() override;

 private:
  /// At the disk, in this life, whether or not the process is paused; a hang delays it.
  void at_disk(Micros delay, std::function<void()> job);
  /// The answer to the replica, on its loop.
  void answer(std::function<void()> done);
  Micros write_delay();
  Micros read_delay();
  void maybe_crash_during(Micros delay);
  void sync();
  void arm_checkpoint();
  void begin_checkpoint();
  void land_checkpoint();
  void compact();
  void put_in_force(raft::SnapshotMark mark,
                    const std::function<void(Result<store::AppliedState>)>& done);
  std::optional<raft::SnapshotChunk> read_chunk(const raft::FetchChunk& request);
  const SnapshotFile* newest_file();
  const SnapshotFile* make_file();

  Simulation& simulation_;
  Process& process_;
  Platter& platter_;
  const std::uint32_t life_;
  Records records_;
  store::AppliedState applied_;
  std::optional<raft::Save> writing_;
  Micros writing_since_ = 0;
  /// Of the checkpoint that is on its way.
  std::optional<store::AppliedState> storing_;
  bool checkpoint_armed_ = false;
  bool installing_ = false;
  std::string staged_;
  raft::SnapshotMark staged_mark_;
  std::uint64_t staged_file_ = 0;
  Micros hung_until_ = 0;
  bool fails_ = false;
  std::function<void(raft::Index)> compacted_;
  store::SpaceReport space_;
  store::DiskCounters counters_;
};

}  // namespace ticketd::sim
