#include "sim/disk.h"

#include <algorithm>
#include <utility>

#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

namespace {

/// About so many entries take a sector of the journal.
constexpr std::size_t kEntriesASector = 8;

store::JournaledDisk::Options options_of(const Knobs& knobs) {
  return {knobs.checkpoint_bytes, knobs.checkpoint_interval, knobs.cache_bytes, knobs.durability};
}

}  // namespace

SimulatedDisk::SimulatedDisk(Simulation& simulation, Process& process, Platter& platter)
    : simulation_(simulation),
      process_(process),
      platter_(platter),
      life_(process.life()),
      engine_(simulation, *this, platter),
      snapshots_(simulation, platter),
      writer_(*this, SimulatedExecutor::Duty::kWrites),
      checkpointer_(*this, SimulatedExecutor::Duty::kCheckpoints),
      reader_(*this, SimulatedExecutor::Duty::kReads),
      warmer_(*this, SimulatedExecutor::Duty::kReads),
      journal_(platter.journal, platter.shape, platter.stored.mark.epoch,
               platter.stored.mark.sequence + 1),
      disk_(
          options_of(simulation.knobs),
          [this](std::function<void()> function) { post(std::move(function)); },
          {journal_, engine_, snapshots_, writer_, checkpointer_, reader_, warmer_},
          platter.record(), engine_.space()) {
  disk_.start();
}

// --- Time -----------------------------------------------------------------------------------------

void SimulatedDisk::after(Micros delay, std::function<void()> job) {
  simulation_.events.push_action(simulation_.events.now() + delay, process_.index(), life_,
                                 std::move(job));
}

Micros SimulatedDisk::duration(SimulatedExecutor::Duty duty) {
  switch (duty) {
    case SimulatedExecutor::Duty::kWrites: {
      const Micros delay = write_delay();
      // Only a record of several sectors can be torn.
      const std::size_t entries = outstanding_ ? outstanding_->save.entries.size() : 0;
      const auto sectors = static_cast<unsigned>(entries / kEntriesASector);
      maybe_crash_during(delay, 1 + std::min(sectors, 9U));
      return delay;
    }
    case SimulatedExecutor::Duty::kCheckpoints: {
      // One of its writes may be a slow one, and not all of them at once.
      const Knobs& knobs = simulation_.knobs;
      const Micros delay = (knobs.checkpoint_writes - 1) * knobs.write_max + write_delay();
      maybe_crash_during(delay, 1);
      return delay;
    }
    case SimulatedExecutor::Duty::kReads:
      break;
  }
  return 20 + simulation_.disk_random.below(simulation_.knobs.write_max);
}

Micros SimulatedDisk::write_delay() {
  const Knobs& knobs = simulation_.knobs;
  Random& random = simulation_.disk_random;
  if (knobs.write_min == knobs.write_max) return knobs.write_min;
  if (!simulation_.healed() && knobs.slow_write_permille > 0 &&
      random.chance(knobs.slow_write_permille, 1'000)) {
    ++simulation_.statistics.slow_writes;
    simulation_.struck(Fault::kSlowDisk, process_);
    return knobs.write_max + log_uniform(random, 1, knobs.slow_write_max);
  }
  return random.between(knobs.write_min, knobs.write_max);
}

/// So many times as likely as for a small write.
void SimulatedDisk::maybe_crash_during(Micros delay, unsigned times) {
  const Knobs& knobs = simulation_.knobs;
  if (simulation_.healed() || knobs.crash_on_write_permille == 0 ||
      !simulation_.disk_random.chance(times * knobs.crash_on_write_permille, 1'000)) {
    return;
  }
  const Micros when = simulation_.disk_random.below(delay + 1);
  simulation_.events.push_action(simulation_.events.now() + when, process_.index(), life_,
                                 [this] { simulation_.faults.crash_in_write(process_); });
}

void SimulatedDisk::perform(const store::Executor::Job& job) {
  performing_ = true;
  job();
  performing_ = false;
}

/// Nothing is called from inside a call of the replica's.
void SimulatedDisk::post(std::function<void()> function) {
  if (ended_) return;
  ++simulation_.statistics.completions;
  if (performing_) {
    told_.push_back(std::move(function));
    return;
  }
  simulation_.events.push_action(simulation_.events.now(), process_.index(), life_,
                                 [this, function = std::move(function)]() mutable {
                                   process_.on_loop(std::move(function));
                                 });
}

void SimulatedDisk::tell_loop() {
  telling_.swap(told_);
  for (std::function<void()>& function : telling_) process_.on_loop(std::move(function));
  telling_.clear();
}

// --- Faults ---------------------------------------------------------------------------------------

Micros SimulatedDisk::hangs_for() const {
  const Micros now = simulation_.events.now();
  return hung_until_ > now ? hung_until_ - now : 0;
}

void SimulatedDisk::hang_until(Micros moment) { hung_until_ = std::max(hung_until_, moment); }

void SimulatedDisk::heal() {
  hung_until_ = 0;
  fails_ = false;
  set_space(false, false);
}

bool SimulatedDisk::perform_or_fail(const store::Executor::Job& job, SimulatedExecutor::Duty duty) {
  if (!fails_) {
    perform(job);
    return true;
  }
  const bool writes = duty == SimulatedExecutor::Duty::kWrites;
  if (writes) platter_.journal.fail(failing_);
  engine_.fail(!writes);
  try {
    perform(job);
  } catch (const DiskFailed& failed) {
    performing_ = false;
    told_.clear();
    simulation_.tell(process_, "ends itself: ", failed.what());
    ++simulation_.statistics.io_errors;
    simulation_.struck(Fault::kIoErrors, process_);
    simulation_.faults.crash_for_a_while(process_);
    return false;
  }
  const bool failed = writes ? !platter_.journal.is_to_fail() : !engine_.is_to_fail();
  require(!failed, platter_.member(), " goes on after its disk has failed");
  // It did nothing that could fail: the next one may.
  platter_.journal.fail(SimulatedFile::Failing::kNothing);
  engine_.fail(false);
  return true;
}

void SimulatedDisk::crash(Fate fate) {
  // Below high the machine lives on, and has it.
  if (simulation_.knobs.durability != Durability::kHigh) (void)platter_.journal.sync();
  end_writes(fate);
  platter_.recovered_at_crash(compare_with_promises());
}

void SimulatedDisk::cut_power() {
  end_writes(Fate::kDrawn);
  ++simulation_.statistics.power_cuts;
  const Result<store::Recovered> recovered =
      store::recover(platter_.journal, platter_.record(), store::Ending::kPower);
  require(recovered.ok(), platter_.member(), " takes a power cut for damage: ",
          recovered.ok() ? "" : recovered.error().message);
  simulation_.statistics.power_cuts_felt += !platter_.is_durable(recovered->batch);
  check_vows(recovered->batch);
}

void SimulatedDisk::check_vows(const store::Batch& recovered) const {
  const raft::HardState found = recovered.hard_state.value_or(platter_.stored.hard_state);
  const auto holds = [&](raft::HardState vowed) {
    vowed.commit_index = found.commit_index;
    return found == vowed;
  };
  const bool saving = outstanding_ && !outstanding_->durable && outstanding_->save.hard_state;
  require(holds(platter_.hard_state) || (saving && holds(*outstanding_->save.hard_state)),
          platter_.member(), " has lost its term or its vote in a power cut: it is in term ",
          found.current_term, ", not in ", platter_.hard_state.current_term);
  for (const StoredEntry& stored : platter_.log) {
    if (stored.entry.type != raft::EntryType::kConfiguration) continue;
    const raft::Index index = stored.entry.index;
    const bool replaced = !recovered.entries.empty() && recovered.entries.front().index <= index;
    const std::uint64_t place = replaced ? index - recovered.entries.front().index
                                         : index - (platter_.compacted.index + 1);
    const bool there = replaced ? place < recovered.entries.size() &&
                                      recovered.entries[place].term == stored.entry.term
                                : place < platter_.stored.log.size() &&
                                      platter_.stored.log[place].chain == stored.chain;
    // What is being saved may take its place.
    const bool cut = outstanding_ && !outstanding_->durable && !outstanding_->save.entries.empty() &&
                     outstanding_->save.entries.front().index <= index;
    require(there || cut, platter_.member(), " has lost the configuration at ", index,
            " in a power cut");
  }
}

void SimulatedDisk::end_writes(Fate fate) {
  ended_ = true;
  Statistics& statistics = simulation_.statistics;
  Random& random = simulation_.disk_random;
  statistics.crashes_in_writes += writing();
  const bool drawn = fate == Fate::kDrawn;
  if (checkpointer_.busy() && (drawn ? random.chance(1, 2) : fate == Fate::kKept)) {
    perform(checkpointer_.job());
  }
  if (writer_.busy() && fate != Fate::kLost) {
    if (fate != Fate::kKept) platter_.journal.lose_power();
    perform(writer_.job());
  }
  const SimulatedFile::Crash became = platter_.journal.crash(random, fate);
  statistics.writes_kept += became.kept;
  statistics.writes_lost += became.lost;
  statistics.writes_torn += became.torn;
}

store::Recovered SimulatedDisk::compare_with_promises() {
  Result<store::Recovered> recovered = platter_.recover();
  require(recovered.ok(), platter_.member(), " would not come back: ",
          recovered.ok() ? "" : recovered.error().message);
  if (!platter_.is_durable(recovered->batch) && outstanding_) note_durable();
  require(platter_.is_durable(recovered->batch), platter_.member(),
          " would come back with something else than it has saved");
  return *std::move(recovered);
}

void SimulatedDisk::close() {
  ended_ = true;
  disk_.close();
}

// --- What becomes durable -------------------------------------------------------------------------

void SimulatedDisk::save(raft::Save save, Done done) {
  require(!outstanding_, platter_.member(), " saves while a save is outstanding");
  outstanding_ = Outstanding{save, simulation_.events.now(), journal_.last_sequence(),
                             platter_.journal.writes(), false};
  const bool fits = journal_.can_hold(save);
  disk_.save(std::move(save), [this, done = std::move(done)] {
    note_durable();  // or it has promised too much
    outstanding_.reset();
    done();
  });
  if (journal_.last_sequence() > outstanding_->sequence_before) return;
  ++(fits ? simulation_.statistics.saves_held_up : simulation_.statistics.saves_too_large);
}

void SimulatedDisk::applied(const store::AppliedState& applied) {
  simulation_.oracle.applied(process_.index(), applied);
  disk_.applied(applied);
}

void SimulatedDisk::install(raft::SnapshotMark mark,
                            std::function<void(Result<store::AppliedState>)> done) {
  simulation_.oracle.replaces_log(process_.index(), true);
  disk_.install(mark, [this, done = std::move(done)](Result<store::AppliedState> state) {
    simulation_.oracle.replaces_log(process_.index(), false);
    done(std::move(state));
  });
}

void SimulatedDisk::record_written() {
  // Below durability high it may have flushed only.
  if (outstanding_ && platter_.journal.writes() > outstanding_->writes_before) note_durable();
}

/// The save, for those who watch.
void SimulatedDisk::note_durable() {
  if (std::exchange(outstanding_->durable, true)) return;
  const raft::Save& save = outstanding_->save;
  Oracle& oracle = simulation_.oracle;
  oracle.durable(process_.index(), save);
  if (save.hard_state) platter_.hard_state = *save.hard_state;
  if (save.entries.empty()) return;
  platter_.log.resize(save.entries.front().index - (platter_.compacted.index + 1));
  std::uint64_t chain = platter_.log.empty() ? platter_.compacted_chain : platter_.log.back().chain;
  for (const raft::Entry& entry : save.entries) {
    chain = oracle.durable_entry(process_.index(), chain, entry);
    platter_.log.push_back({entry, chain});
  }
}

/// A checkpoint may hold what the journal has not finished writing, and a switch what it has not
/// begun to write.
void SimulatedDisk::storing(const store::Batch& batch) {
  simulation_.statistics.journal_turns += performing_;
  if (!outstanding_) return;
  const raft::Save& save = outstanding_->save;
  const bool switched = batch.switch_to && save.hard_state && save.entries.empty() &&
                        batch.hard_state == save.hard_state;
  if (switched || batch.journal_sequence > outstanding_->sequence_before) note_durable();
}

void SimulatedDisk::switching(raft::SnapshotMark mark, const store::Switch& to) {
  const std::uint64_t chain =
      simulation_.oracle.installing(process_.index(), mark, SnapshotContent{to.state});
  require(chain == to.chain, platter_.member(), " installs a snapshot of ", mark.index,
          " with the hash of another log");
  ++simulation_.statistics.snapshots_installed;
}

/// Whether it held a save that goes around the journal shows only afterwards.
void SimulatedDisk::stored() {
  if (outstanding_ && !outstanding_->durable && !journal_.can_hold(outstanding_->save)) {
    (void)compare_with_promises();
  }
}

void SimulatedDisk::fetch(const raft::FetchEntries& request,
                          std::function<void(raft::Entries)> done) {
  ++simulation_.statistics.fetches;
  disk_.fetch(request, std::move(done));
}

}  // namespace ticketd::sim
