#include "sim/disk.h"

#include <algorithm>
#include <utility>

#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

namespace {

/// Files that are kept for followers.
constexpr std::size_t kFilesMax = 2;
constexpr std::uint64_t kMapBytes = 1'000'000'000;

}  // namespace

SimulatedDisk::SimulatedDisk(Simulation& simulation, Process& process, Platter& platter)
    : simulation_(simulation),
      process_(process),
      platter_(platter),
      life_(process.life()),
      records_(platter.records),
      applied_(platter.applied) {
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

void SimulatedDisk::maybe_crash_during(Micros delay) {
  const Knobs& knobs = simulation_.knobs;
  if (simulation_.healed() || knobs.crash_on_write_permille == 0 ||
      !simulation_.disk_random.chance(knobs.crash_on_write_permille, 1'000)) {
    return;
  }
  const Micros when = simulation_.disk_random.below(delay + 1);
  simulation_.events.push_action(simulation_.events.now() + when, process_.index(), life_,
                                 [this] { simulation_.faults.crash_for_a_while(process_); });
}

// --- Saves ----------------------------------------------------------------------------------------

void SimulatedDisk::save(raft::Save save, Done done) {
  require(!writing_, platter_.member(), " saves while a save is outstanding");
  writing_ = std::move(save);
  writing_since_ = simulation_.events.now();
  const Micros delay = write_delay();
  maybe_crash_during(delay);
  at_disk(delay, [this, done = std::move(done)]() mutable {
    if (fails_) {
      ++simulation_.statistics.io_errors;
      simulation_.statistics.met(Fault::kIoErrors, process_.replica().node().role());
      return simulation_.faults.crash_for_a_while(process_);
    }
    sync();
    answer(std::move(done));
  });
}

void SimulatedDisk::sync() {
  const raft::Save save = std::move(*std::exchange(writing_, std::nullopt));
  ++counters_.journal_flushes;
  Oracle& oracle = simulation_.oracle;
  oracle.durable(process_.index(), save);
  if (save.hard_state) platter_.hard_state = *save.hard_state;
  if (save.entries.empty()) return;
  require(!installing_, platter_.member(), " saves entries while its log is replaced");
  platter_.log.resize(save.entries.front().index - (platter_.compacted.index + 1));
  std::uint64_t chain = platter_.log.empty() ? platter_.compacted_chain : platter_.log.back().chain;
  for (const raft::Entry& entry : save.entries) {
    chain = oracle.durable_entry(process_.index(), chain, entry);
    platter_.log.push_back({entry, chain});
  }
}

void SimulatedDisk::crash(std::optional<bool> write_kept) {
  if (!writing_) return;
  ++simulation_.statistics.crashes_in_writes;
  // One record of a journal: it is whole, or its checksum says that it is a torn tail.
  if (write_kept ? *write_kept : simulation_.disk_random.chance(1, 2)) {
    ++simulation_.statistics.writes_kept;
    sync();
  }
}

void SimulatedDisk::close() {
  if (writing_) sync();
  if (storing_) land_checkpoint();
  if (installing_) return;  // nobody was told yet, so that there is nothing new
  records_.freeze();
  records_.land();
  platter_.applied = applied_;
}

// --- State ----------------------------------------------------------------------------------------

void SimulatedDisk::applied(const store::AppliedState& applied) {
  simulation_.oracle.applied(process_.index(), applied);
  applied_ = applied;
  if (!checkpoint_armed_) arm_checkpoint();
}

void SimulatedDisk::arm_checkpoint() {
  checkpoint_armed_ = true;
  at_disk(simulation_.knobs.checkpoint_interval, [this] { begin_checkpoint(); });
}

void SimulatedDisk::begin_checkpoint() {
  if (space_.full || installing_) return arm_checkpoint();
  require(!storing_, platter_.member(), " stores two checkpoints at once");
  storing_ = applied_;
  records_.freeze();
  at_disk(2 * write_delay(), [this] {
    if (storing_) land_checkpoint();
    checkpoint_armed_ = false;  // and not before: landing has the replica run, which may apply
    if (records_.changed() || applied_.summary != platter_.applied.summary) arm_checkpoint();
  });
}

void SimulatedDisk::land_checkpoint() {
  const raft::Index stored_before = platter_.applied.summary.applied_index;
  records_.land();
  platter_.applied = *std::exchange(storing_, std::nullopt);
  ++counters_.checkpoints;
  const Knobs& knobs = simulation_.knobs;
  if (knobs.cold_permille > 0 && simulation_.disk_random.chance(knobs.cold_permille, 1'000)) {
    records_.chill();
  }
  // By what an earlier transaction stored.
  const std::uint64_t kept = stored_before - platter_.compacted.index;
  if (stored_before > platter_.compacted.index && kept > knobs.log_tail) {
    platter_.compact(kept - knobs.log_tail);
    ++simulation_.statistics.compactions;
    answer([this, index = platter_.compacted.index] { compacted_(index); });
  }
}

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

// --- For followers --------------------------------------------------------------------------------

void SimulatedDisk::fetch(const raft::FetchEntries& request,
                          std::function<void(raft::Entries)> done) {
  at_disk(read_delay(), [this, request, done = std::move(done)] {
    raft::Entries entries;
    std::size_t bytes = 0;
    for (raft::Index index = request.from; index <= request.to; ++index) {
      if (index <= platter_.compacted.index || index > platter_.last_index()) break;
      const raft::Entry& entry = platter_.entry_at(index);
      if (!entries.empty() && bytes + entry.charge() > request.max_bytes) break;
      bytes += entry.charge();
      entries.push_back(entry);
    }
    ++simulation_.statistics.fetches;
    answer([done, entries = std::move(entries)]() mutable { done(std::move(entries)); });
  });
}

const SnapshotFile* SimulatedDisk::newest_file() {
  const SnapshotFile* newest = nullptr;
  for (const SnapshotFile& file : platter_.files) {
    if (file.mark.index >= platter_.compacted.index &&
        (newest == nullptr || file.mark.index > newest->mark.index)) {
      newest = &file;
    }
  }
  return newest != nullptr ? newest : make_file();
}

const SnapshotFile* SimulatedDisk::make_file() {
  const ticket::Summary& summary = platter_.applied.summary;
  if (summary.applied_index.value == 0) return nullptr;
  if (platter_.files.size() == kFilesMax) platter_.files.erase(platter_.files.begin());
  platter_.files.push_back(
      {{summary.applied_index, summary.applied_term},
       simulation_.disk_random.next(),
       std::make_shared<const std::string>(encode_snapshot(platter_.applied, platter_.records))});
  ++counters_.snapshots_made;
  ++simulation_.statistics.snapshots_made;
  return &platter_.files.back();
}

std::optional<raft::SnapshotChunk> SimulatedDisk::read_chunk(const raft::FetchChunk& request) {
  const Knobs& knobs = simulation_.knobs;
  if (!simulation_.healed() && knobs.bad_file_permille > 0 &&
      simulation_.disk_random.chance(knobs.bad_file_permille, 4'000)) {
    platter_.files.clear();
    return std::nullopt;
  }
  const SnapshotFile* file = nullptr;
  if (!request.mark) {
    file = newest_file();
  } else {
    for (const SnapshotFile& held : platter_.files) {
      if (held.mark == *request.mark && held.file_id == request.file_id) file = &held;
    }
  }
  if (file == nullptr || request.offset > file->bytes->size()) return std::nullopt;
  raft::SnapshotChunk chunk;
  chunk.mark = file->mark;
  chunk.file_id = file->file_id;
  chunk.total_bytes = file->bytes->size();
  chunk.offset = request.offset;
  chunk.data = raft::Payload(file->bytes->substr(request.offset, request.max_bytes));
  return chunk;
}

void SimulatedDisk::fetch(const raft::FetchChunk& request,
                          std::function<void(std::optional<raft::SnapshotChunk>)> done) {
  at_disk(read_delay(), [this, request, done = std::move(done)] {
    answer([done, chunk = read_chunk(request)]() mutable { done(std::move(chunk)); });
  });
}

// --- Receiving ------------------------------------------------------------------------------------

void SimulatedDisk::stage(raft::SnapshotChunk chunk, std::function<void(std::uint64_t)> done) {
  at_disk(write_delay(), [this, chunk = std::move(chunk), done = std::move(done)] {
    if (chunk.offset == 0) {
      staged_.clear();
      staged_mark_ = chunk.mark;
      staged_file_ = chunk.file_id;
    }
    const bool fits = chunk.mark == staged_mark_ && chunk.file_id == staged_file_ &&
                      chunk.offset == staged_.size();
    if (fits) staged_ += chunk.data.view();
    const Knobs& knobs = simulation_.knobs;
    Random& random = simulation_.disk_random;
    if (fits && !staged_.empty() && !simulation_.healed() && knobs.bad_file_permille > 0 &&
        random.chance(knobs.bad_file_permille, 1'000)) {
      char& byte = staged_[random.below(staged_.size())];
      byte = static_cast<char>(byte ^ 0x10);
    }
    answer([done, held = fits ? staged_.size() : 0] { done(held); });
  });
}

void SimulatedDisk::install(raft::SnapshotMark mark,
                            std::function<void(Result<store::AppliedState>)> done) {
  installing_ = true;
  const Micros delay = 3 * write_delay();
  maybe_crash_during(delay);
  at_disk(delay, [this, mark, done = std::move(done)] { put_in_force(mark, done); });
}

void SimulatedDisk::put_in_force(
    raft::SnapshotMark mark,
    const std::function<void(Result<store::AppliedState>)>& done) {
  const auto content =
      staged_mark_ == mark ? decode_snapshot(staged_) : std::optional<SnapshotContent>();
  if (!content) {
    ++simulation_.statistics.bad_snapshots;
    return answer([this, done] {
      installing_ = false;
      done(Error{"the received snapshot is damaged"});
    });
  }
  const std::uint64_t chain = simulation_.oracle.installing(process_.index(), mark, *content);
  platter_.install(mark, chain, *content);
  storing_.reset();  // what it would store is no more
  records_.drop_frozen();
  ++counters_.snapshots_installed;
  ++simulation_.statistics.snapshots_installed;
  answer([this, state = content->state, done] {
    // Until now the replica saw the old state.
    installing_ = false;
    records_.reset();
    applied_ = state;
    done(state);
  });
}

}  // namespace ticketd::sim
