// What a simulated disk does for followers, and with the snapshots that it is sent.
#include <utility>

#include "sim/disk.h"
#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

namespace {

/// Files that are kept for followers.
constexpr std::size_t kFilesMax = 2;

}  // namespace

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
  const Micros delay = 3 * write_delay();
  maybe_crash_during(delay, 1);
  at_disk(delay, [this, mark, done = std::move(done)]() mutable {
    answer([this, mark, done = std::move(done)] { load(mark, done); });
  });
}

void SimulatedDisk::load(raft::SnapshotMark mark,
                         std::function<void(Result<store::AppliedState>)> done) {
  auto content = staged_mark_ == mark ? decode_snapshot(staged_) : std::nullopt;
  if (!content) {
    ++simulation_.statistics.bad_snapshots;
    return done(Error{"the received snapshot is damaged"});
  }
  loading_ = Loading{mark, *std::move(content), std::move(done)};
  if (!in_flight_) begin_switch();
}

void SimulatedDisk::begin_switch() {
  checkpoint_due_ = false;
  store::Batch batch;
  // A vote may have been saved meanwhile; the old log's entries and state end here.
  batch.hard_state = pending_.hard_state;
  // Not in the journal yet; the snapshot's term may rest on it.
  if (outstanding_ && outstanding_->save.hard_state) {
    batch.hard_state = outstanding_->save.hard_state;
  }
  batch.switch_to = store::Switch{
      loading_->content.state,
      simulation_.oracle.installing(process_.index(), loading_->mark, loading_->content)};
  batch.journal_sequence = journal_.last_sequence();
  pending_ = {};
  journal_.turn();
  ++simulation_.statistics.journal_turns;
  in_flight_ = InFlight{std::move(batch), saves_, false, false};
  submit();
}

void SimulatedDisk::switched() {
  const Loading loaded = *std::exchange(loading_, std::nullopt);
  records_.reset();
  compacted_index_ = platter_.compacted.index;
  ++counters_.snapshots_installed;
  ++simulation_.statistics.snapshots_installed;
  loaded.done(loaded.content.state);
}

}  // namespace ticketd::sim
