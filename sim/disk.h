// A simulated disk: what is saved takes time, and what is not there yet may be lost in a crash.
// Saves go through the store's own journal, on a simulated file; the database beside it is a model.
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
#include "store/journal.h"

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
  /// The power fails. Of what is being written anything may be there; then it is looked at what a
  /// restart would find, which must be what was promised, and at most what was being saved.
  void crash();
  bool writing() const { return outstanding_.has_value(); }
  Micros writing_since() const { return outstanding_->since; }

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
    compacted_callback_ = std::move(callback);
  }
  store::SpaceReport space() const override { return space_; }
  store::DiskCounters counters() const override { return counters_; }
  /// Finishes what is under way and stores everything.
  void close() override;

 private:
  struct Outstanding {
    raft::Save save;
    Done done;
    std::uint64_t number = 0;
    Micros since = 0;
    /// In the batch that is gathered, or that is in flight.
    bool begun = false;
    bool durable = false;
    bool held_up = false;
    /// While the journal writes it.
    std::optional<store::Journal::Placed> placed;
  };
  /// A batch on its way into the database.
  struct InFlight {
    store::Batch batch;
    /// The last save that it holds.
    std::uint64_t save = 0;
    /// That save goes around the journal.
    bool carries = false;
    /// The transaction is durable; its owner does not know yet.
    bool stored = false;
  };
  /// A verified snapshot that is to be put in force.
  struct Loading {
    raft::SnapshotMark mark;
    SnapshotContent content;
    std::function<void(Result<store::AppliedState>)> done;
  };

  /// At the disk, in this life, whether or not the process is paused; a hang delays it.
  void at_disk(Micros delay, std::function<void()> job);
  /// The answer to the replica, on its loop.
  void answer(std::function<void()> done);
  Micros write_delay();
  Micros read_delay();
  /// So many times as likely as for a small write.
  void maybe_crash_during(Micros delay, unsigned times);

  // --- Saves and checkpoints --------------------------------------------------------------------
  void start_save();
  void write_save();
  void written();
  void remember();
  void note_durable();
  void arm_checkpoint();
  bool has_work() const;
  void begin_if_due();
  bool can_begin() const { return !in_flight_ && !records_.unsettled(); }
  void begin_checkpoint(bool carries);
  store::Batch gather();
  void submit();
  /// Makes what is in flight durable.
  void store_in_flight();
  void compact(raft::Index stored_before);
  void landed();

  // --- Snapshots (disk_snapshots.cpp) -----------------------------------------------------------
  void load(raft::SnapshotMark mark, std::function<void(Result<store::AppliedState>)> done);
  void begin_switch();
  void switched();
  std::optional<raft::SnapshotChunk> read_chunk(const raft::FetchChunk& request);
  const SnapshotFile* newest_file();
  const SnapshotFile* make_file();

  Simulation& simulation_;
  Process& process_;
  Platter& platter_;
  const std::uint32_t life_;
  Records records_;
  store::Journal journal_;
  std::optional<Outstanding> outstanding_;
  std::uint64_t saves_ = 0;
  /// Everything saved and applied since the last batch was put in flight.
  store::Batch pending_;
  std::optional<InFlight> in_flight_;
  std::optional<Loading> loading_;
  bool checkpoint_due_ = false;
  bool alarm_armed_ = false;
  std::uint64_t checkpoints_;  // in the database
  raft::Index compacted_index_;
  std::string staged_;
  raft::SnapshotMark staged_mark_;
  std::uint64_t staged_file_ = 0;
  Micros hung_until_ = 0;
  bool fails_ = false;
  std::function<void(raft::Index)> compacted_callback_;
  store::SpaceReport space_;
  store::DiskCounters counters_;
};

}  // namespace ticketd::sim
