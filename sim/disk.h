// A simulated disk: the store's own, with its journal, its checkpoints and all that it decides, on
// a simulated file, a simulated database and threads in virtual time. What was not synced may be
// lost in a crash.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/engine.h"
#include "sim/executor.h"
#include "sim/plan.h"
#include "sim/platter.h"
#include "sim/snapshots.h"
#include "store/disk.h"
#include "store/journal.h"
#include "store/journaled_disk.h"

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
  bool hangs() const { return hangs_for() > 0; }
  Micros hangs_for() const;
  /// What it does next fails, as the store is told, who must end the process then.
  void fail_next_job(SimulatedFile::Failing of_journal = SimulatedFile::Failing::kSync) {
    fails_ = true;
    failing_ = of_journal;
  }
  /// Space is low; full: nothing more can be stored until there is room.
  void set_space(bool low, bool full) { engine_.set_space(low, full); }
  /// Of what is being written anything may be there; then it is looked at what a restart would
  /// find, which must be what was promised, and at most what was being saved. At durability high
  /// the power is gone as well, since what is not flushed is not promised there.
  void crash(Fate fate);
  /// The same with all that was written and not flushed: below durability high that is more than
  /// what is being written. Term, vote and membership must be there all the same. Nobody may start
  /// from this disk any more.
  void cut_power();
  bool writing() const { return outstanding_.has_value(); }
  Micros writing_since() const { return outstanding_->since; }

  // --- store::Disk ------------------------------------------------------------------------------
  void save(raft::Save save, Done done) override;
  ticket::State& state() override { return disk_.state(); }
  void warm(std::vector<std::string> keys, Done done) override {
    disk_.warm(std::move(keys), std::move(done));
  }
  void warm(ticket::ListRange range, Done done) override {
    disk_.warm(std::move(range), std::move(done));
  }
  void applied(const store::AppliedState& applied) override;
  void fetch(const raft::FetchEntries& request, std::function<void(raft::Entries)> done) override;
  void fetch(const raft::FetchChunk& request,
             std::function<void(std::optional<raft::SnapshotChunk>)> done) override {
    disk_.fetch(request, std::move(done));
  }
  void stage(raft::SnapshotChunk chunk, std::function<void(std::uint64_t)> done) override {
    disk_.stage(std::move(chunk), std::move(done));
  }
  void install(raft::SnapshotMark mark,
               std::function<void(Result<store::AppliedState>)> done) override;
  void on_compacted(std::function<void(raft::Index)> callback) override {
    disk_.on_compacted(std::move(callback));
  }
  void make_snapshot(std::function<void(Result<bool>)> done) override {
    disk_.make_snapshot(std::move(done));
  }
  raft::SnapshotMark newest_snapshot() const override { return disk_.newest_snapshot(); }
  store::SpaceReport space() const override { return disk_.space(); }
  store::DiskCounters counters() const override { return disk_.counters(); }
  void close() override;

  // --- For its executors ------------------------------------------------------------------------
  /// How long the next job takes.
  Micros duration(SimulatedExecutor::Duty duty);
  /// At the disk, in this life, whether or not the process is paused.
  void after(Micros delay, std::function<void()> job);
  void perform(const store::Executor::Job& job);
  /// The same, and what it does at the disk fails if that is due. False: that has ended the
  /// process.
  bool perform_or_fail(const store::Executor::Job& job, SimulatedExecutor::Duty duty);
  /// What jobs had to tell, in its order, now that they are done.
  void tell_loop();
  /// The writer has done something; a record that it has written counts, flushed or not.
  void record_written();

  // --- For its engine: around a transaction -----------------------------------------------------
  void storing(const store::Batch& batch);
  void switching(raft::SnapshotMark mark, const store::Switch& to);
  void stored();

 private:
  /// The save that the replica waits for.
  struct Outstanding {
    raft::Save save;
    Micros since = 0;
    /// The last record of the journal before it, and how often the journal was written to.
    std::uint64_t sequence_before = 0;
    std::uint64_t writes_before = 0;
    /// The oracle was told.
    bool durable = false;
  };

  Micros write_delay();
  void maybe_crash_during(Micros delay, unsigned times);
  void post(std::function<void()> function);
  void note_durable();
  /// Ends what is under way, and draws what became of it.
  void end_writes(Fate fate);
  /// What a power cut may not take.
  void check_vows(const store::Batch& recovered) const;
  /// What a restart would find: all that was promised. Tells the oracle of the save if it is there.
  store::Recovered compare_with_promises();

  Simulation& simulation_;
  Process& process_;
  Platter& platter_;
  const std::uint32_t life_;
  SimulatedEngine engine_;
  SimulatedSnapshots snapshots_;
  SimulatedExecutor writer_;
  SimulatedExecutor checkpointer_;
  SimulatedExecutor reader_;
  SimulatedExecutor warmer_;
  store::Journal journal_;
  store::JournaledDisk disk_;

  std::optional<Outstanding> outstanding_;
  /// What jobs have posted to the loop.
  std::vector<std::function<void()>> told_;
  std::vector<std::function<void()>> telling_;
  bool performing_ = false;
  bool ended_ = false;
  Micros hung_until_ = 0;
  bool fails_ = false;
  SimulatedFile::Failing failing_ = SimulatedFile::Failing::kSync;
};

}  // namespace ticketd::sim
