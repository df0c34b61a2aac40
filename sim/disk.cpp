#include "sim/disk.h"

#include <algorithm>
#include <utility>

#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

namespace {

constexpr std::uint64_t kMapBytes = 1'000'000'000;
/// How long after a full disk it is tried again.
constexpr Micros kFullRetry = 200'000;
/// About so many entries take a sector of the journal.
constexpr std::size_t kEntriesASector = 8;

}  // namespace

SimulatedDisk::SimulatedDisk(Simulation& simulation, Process& process, Platter& platter)
    : simulation_(simulation),
      process_(process),
      platter_(platter),
      life_(process.life()),
      records_(platter.records),
      journal_(platter.journal, platter.shape, platter.stored.mark.epoch,
               platter.stored.mark.sequence + 1),
      checkpoints_(platter.stored.mark.checkpoint),
      compacted_index_(platter.compacted.index) {
  space_.map_bytes = kMapBytes;
  space_.free_bytes = kMapBytes / 2;
  space_.used_bytes = kMapBytes / 2;
  if (simulation.knobs.cold_permille > 0) records_.chill();
}

// --- Time -----------------------------------------------------------------------------------------

void SimulatedDisk::at_disk(Micros delay, std::function<void()> job) {
  simulation_.events.push_action(simulation_.events.now() + delay, process_.index(), life_,
                                 [this, job = std::move(job)]() mutable {
                                   if (!hangs()) return job();
                                   at_disk(hung_until_ - simulation_.events.now(), std::move(job));
                                 });
}

void SimulatedDisk::answer(std::function<void()> done) {
  ++simulation_.statistics.completions;
  process_.on_loop(std::move(done));
}

Micros SimulatedDisk::write_delay() {
  const Knobs& knobs = simulation_.knobs;
  Random& random = simulation_.disk_random;
  if (knobs.write_min == knobs.write_max) return knobs.write_min;
  if (!simulation_.healed() && knobs.slow_write_permille > 0 &&
      random.chance(knobs.slow_write_permille, 1'000)) {
    ++simulation_.statistics.slow_writes;
    return knobs.write_max + log_uniform(random, 1, knobs.slow_write_max);
  }
  return random.between(knobs.write_min, knobs.write_max);
}

Micros SimulatedDisk::read_delay() {
  return 20 + simulation_.disk_random.below(simulation_.knobs.write_max);
}

bool SimulatedDisk::hangs() const { return hung_until_ > simulation_.events.now(); }

void SimulatedDisk::hang_until(Micros moment) { hung_until_ = std::max(hung_until_, moment); }

void SimulatedDisk::heal() {
  hung_until_ = 0;
  fails_ = false;
  set_space(false, false);
}

void SimulatedDisk::set_space(bool low, bool full) {
  space_.low = low;
  space_.full = full;
  space_.free_bytes = full ? 0 : low ? kMapBytes / 20 : kMapBytes / 2;
}

void SimulatedDisk::maybe_crash_during(Micros delay, unsigned times) {
  const Knobs& knobs = simulation_.knobs;
  if (simulation_.healed() || knobs.crash_on_write_permille == 0 ||
      !simulation_.disk_random.chance(times * knobs.crash_on_write_permille, 1'000)) {
    return;
  }
  const Micros when = simulation_.disk_random.below(delay + 1);
  simulation_.events.push_action(simulation_.events.now() + when, process_.index(), life_,
                                 [this] { simulation_.faults.crash_for_a_while(process_); });
}

// --- Saves ----------------------------------------------------------------------------------------

void SimulatedDisk::save(raft::Save save, Done done) {
  require(!outstanding_, platter_.member(), " saves while a save is outstanding");
  outstanding_.emplace();
  outstanding_->save = std::move(save);
  outstanding_->done = std::move(done);
  outstanding_->number = ++saves_;
  outstanding_->since = simulation_.events.now();
  start_save();
}

void SimulatedDisk::start_save() {
  if (!outstanding_ || outstanding_->begun) return;
  const raft::Save& save = outstanding_->save;
  if (!journal_.can_hold(save)) {
    checkpoint_due_ = true;
    if (!can_begin()) return;
    ++simulation_.statistics.saves_too_large;
    remember();
    return begin_checkpoint(true);
  }
  if (!journal_.fits(save)) {
    checkpoint_due_ = true;
    begin_if_due();
  }
  if (journal_.fits(save)) return write_save();
  simulation_.statistics.saves_held_up += !std::exchange(outstanding_->held_up, true);
}

void SimulatedDisk::write_save() {
  outstanding_->placed = journal_.place(outstanding_->save, checkpoints_);
  remember();
  const Micros delay = write_delay();
  // Only a record of several sectors can be torn.
  const auto sectors = static_cast<unsigned>(outstanding_->save.entries.size() / kEntriesASector);
  maybe_crash_during(delay, 1 + std::min(sectors, 9U));
  at_disk(delay, [this] { written(); });
  checkpoint_due_ |= journal_.bytes_in_half() >= simulation_.knobs.checkpoint_bytes;
  begin_if_due();
  arm_checkpoint();
}

/// Takes it into the batch that is gathered.
void SimulatedDisk::remember() {
  outstanding_->begun = true;
  const raft::Save& save = outstanding_->save;
  if (save.hard_state) pending_.hard_state = save.hard_state;
  require(save.entries.empty() || !loading_, platter_.member(),
          " saves entries while its log is replaced");
  store::append_save(pending_.entries, save.entries);
}

void SimulatedDisk::written() {
  if (fails_) {
    ++simulation_.statistics.io_errors;
    simulation_.statistics.met(Fault::kIoErrors, process_.replica().node().role());
    return simulation_.faults.crash_for_a_while(process_);
  }
  journal_.write(*std::exchange(outstanding_->placed, std::nullopt));
  ++counters_.journal_flushes;
  note_durable();
  Done done = std::move(outstanding_->done);
  outstanding_.reset();
  answer(std::move(done));
}

/// The save that is outstanding, for those who watch.
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

// --- Checkpoints ----------------------------------------------------------------------------------

void SimulatedDisk::applied(const store::AppliedState& applied) {
  simulation_.oracle.applied(process_.index(), applied);
  records_.settle();
  pending_.applied = applied;
  begin_if_due();
  start_save();
  arm_checkpoint();
}

bool SimulatedDisk::has_work() const {
  return pending_.hard_state || !pending_.entries.empty() || pending_.applied ||
         records_.changed();
}

void SimulatedDisk::arm_checkpoint() {
  if (alarm_armed_ || !has_work()) return;
  alarm_armed_ = true;
  simulation_.events.push_action(simulation_.events.now() + simulation_.knobs.checkpoint_interval,
                                 process_.index(), life_, [this] {
                                   process_.on_loop([this] {
                                     alarm_armed_ = false;
                                     checkpoint_due_ = true;
                                     begin_if_due();
                                   });
                                 });
}

void SimulatedDisk::begin_if_due() {
  if (!checkpoint_due_ || !can_begin()) return;
  if (has_work()) {
    begin_checkpoint(false);
  } else {
    checkpoint_due_ = false;
  }
}

void SimulatedDisk::begin_checkpoint(bool carries) {
  checkpoint_due_ = false;
  journal_.turn();
  ++simulation_.statistics.journal_turns;
  in_flight_ = InFlight{gather(), saves_, carries, false};
  if (outstanding_ && !outstanding_->begun) --in_flight_->save;
  submit();
}

store::Batch SimulatedDisk::gather() {
  store::Batch batch = std::exchange(pending_, {});
  records_.freeze();
  batch.journal_sequence = journal_.last_sequence();
  return batch;
}

void SimulatedDisk::submit() {
  const Micros delay = simulation_.knobs.checkpoint_writes * write_delay();
  maybe_crash_during(delay, 1);
  at_disk(delay, [this] {
    if (space_.full) return at_disk(kFullRetry, [this] { submit(); });
    store_in_flight();
    process_.on_loop([this] { landed(); });
  });
}

void SimulatedDisk::store_in_flight() {
  const store::Batch& batch = in_flight_->batch;
  in_flight_->stored = true;
  if (outstanding_ && outstanding_->number <= in_flight_->save) note_durable();
  const raft::Index stored_before = platter_.applied.summary.applied_index;
  platter_.store(batch);
  if (batch.switch_to) {
    platter_.install(loading_->mark, batch.switch_to->chain, loading_->content);
    return;
  }
  records_.land();
  if (batch.applied) platter_.applied = *batch.applied;
  compact(stored_before);
}

/// By what an earlier transaction stored: were this one lost, the entries would be needed.
void SimulatedDisk::compact(raft::Index stored_before) {
  const raft::Index compacted = platter_.compacted.index;
  const std::uint64_t tail = simulation_.knobs.log_tail;
  if (stored_before <= compacted || stored_before - compacted <= tail) return;
  platter_.compact(stored_before - compacted - tail);
  ++simulation_.statistics.compactions;
}

void SimulatedDisk::landed() {
  const InFlight landed = *std::exchange(in_flight_, std::nullopt);
  journal_.give_back();
  ++counters_.checkpoints;
  checkpoints_ = platter_.stored.mark.checkpoint;
  const Knobs& knobs = simulation_.knobs;
  if (landed.batch.switch_to) {
    switched();
  } else {
    if (knobs.cold_permille > 0 && simulation_.disk_random.chance(knobs.cold_permille, 1'000)) {
      records_.chill();
    }
    if (landed.carries) {
      const Done done = std::move(outstanding_->done);
      outstanding_.reset();
      ++simulation_.statistics.completions;
      done();
    }
    if (platter_.compacted.index > std::exchange(compacted_index_, platter_.compacted.index)) {
      compacted_callback_(compacted_index_);
    }
  }
  if (loading_ && !in_flight_) begin_switch();
  start_save();
  begin_if_due();
  arm_checkpoint();
}

// --- Ends -----------------------------------------------------------------------------------------

void SimulatedDisk::crash() {
  Statistics& statistics = simulation_.statistics;
  Random& random = simulation_.disk_random;
  statistics.crashes_in_writes += writing();
  if (in_flight_ && !in_flight_->stored && random.chance(1, 2)) store_in_flight();
  if (outstanding_ && outstanding_->placed) {
    platter_.journal.lose_power();
    journal_.write(std::move(*outstanding_->placed));
  }
  const SimulatedFile::Crash became = platter_.journal.crash(random);
  statistics.writes_kept += became.kept;
  statistics.writes_lost += became.lost;
  statistics.writes_torn += became.torn;
  const auto recovered = platter_.recover();
  require(recovered.ok(), platter_.member(), " would not come back: ",
          recovered.ok() ? "" : recovered.error().message);
  if (platter_.is_durable(recovered->batch)) return;
  if (outstanding_) note_durable();
  require(platter_.is_durable(recovered->batch), platter_.member(),
          " would come back with something else than it has saved");
}

void SimulatedDisk::close() {
  if (outstanding_ && outstanding_->placed) {
    journal_.write(*std::exchange(outstanding_->placed, std::nullopt));
    note_durable();
  }
  if (space_.full) return;  // the journal has it all
  if (in_flight_ && !in_flight_->stored) store_in_flight();
  if (!has_work() || records_.unsettled() || (in_flight_ && in_flight_->batch.switch_to)) return;
  in_flight_ = InFlight{gather(), 0, false, false};
  store_in_flight();
}

// --- State ----------------------------------------------------------------------------------------

void SimulatedDisk::warm(std::vector<std::string> keys, Done done) {
  at_disk(read_delay(), [this, keys = std::move(keys), done = std::move(done)]() mutable {
    answer([this, keys = std::move(keys), done = std::move(done)] {
      for (const std::string& key : keys) records_.warm(key);
      done();
    });
  });
}

void SimulatedDisk::warm(ticket::ListRange, Done done) {
  at_disk(read_delay(), [this, done = std::move(done)]() mutable { answer(std::move(done)); });
}

}  // namespace ticketd::sim
