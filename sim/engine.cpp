#include "sim/engine.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/disk.h"
#include "sim/simulation.h"
#include "store/durable.h"

namespace ticketd::sim {

namespace {

constexpr std::uint64_t kMapBytes = 1'000'000'000;

class SequencesWalk final : public store::RecordWalk {
 public:
  SequencesWalk(const RecordStore::Sequences& sequences, const ticket::ListRange& range)
      : range_(range),
        at_(range.after < range.prefix ? sequences.lower_bound(range.prefix)
                                       : sequences.upper_bound(range.after)),
        end_(sequences.end()) {}

  bool more() const override { return at_ != end_ && at_->first.starts_with(range_.prefix); }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }
  void next() override { ++at_; }

 private:
  const ticket::ListRange& range_;
  RecordStore::Sequences::const_iterator at_;
  const RecordStore::Sequences::const_iterator end_;
};

/// Always of the newest state: what has landed since the overlay above still shows, too.
class TableView final : public store::StateView {
 public:
  TableView(const Platter& platter, std::uint64_t generation)
      : platter_(platter), generation_(generation) {}

  std::optional<std::string_view> get(std::string_view key) const override {
    const std::string* value = table().find(key);
    return value == nullptr ? std::nullopt : std::optional<std::string_view>(*value);
  }
  std::unique_ptr<store::RecordWalk> walk(const ticket::ListRange& range) const override {
    return std::make_unique<SequencesWalk>(table().sequences(), range);
  }
  void renew(std::uint64_t generation) override { generation_ = generation; }

 private:
  const RecordStore& table() const {
    return generation_ == platter_.generation ? platter_.records : platter_.other_records;
  }

  const Platter& platter_;
  std::uint64_t generation_;
};

}  // namespace

SimulatedEngine::SimulatedEngine(Simulation& simulation, SimulatedDisk& disk, Platter& platter)
    : simulation_(simulation), disk_(disk), platter_(platter) {
  space_.map_bytes = kMapBytes;
  set_space(false, false);
}

void SimulatedEngine::set_space(bool low, bool full) {
  space_.low = low;
  space_.full = full;
  space_.free_bytes = full ? 0 : low ? kMapBytes / 20 : kMapBytes / 2;
  space_.used_bytes = kMapBytes - space_.free_bytes;
}

void SimulatedEngine::touch() {
  if (std::exchange(failing_, false)) store::fatal("the database: Input/output error");
}

void SimulatedEngine::require_room() {
  touch();
  if (space_.full) throw store::NoRoom("the simulated disk is full");
}

// --- Transactions ---------------------------------------------------------------------------------

store::Landed SimulatedEngine::store(const store::Batch& batch) {
  require_room();
  disk_.storing(batch);
  const raft::Index stored_before = platter_.applied.summary.applied_index;
  bool compacted = false;
  if (batch.switch_to) {
    platter_.store(batch);
    const store::AppliedState& state = batch.switch_to->state;
    const raft::SnapshotMark mark{state.summary.applied_index, state.summary.applied_term};
    ENSURE_GE(platter_.stored.hard_state.current_term, mark.term);
    ENSURE_EQ(platter_.other_records.size(), state.summary.records());
    disk_.switching(mark, *batch.switch_to);
    platter_.switch_to(mark, *batch.switch_to);
  } else {
    platter_.store(batch);
    if (batch.changes != nullptr) {
      for (const auto& [key, value] : *batch.changes) {
        value ? platter_.records.put(key, *value) : platter_.records.remove(key);
      }
    }
    if (batch.applied) platter_.applied = *batch.applied;
    compacted = compact(stored_before, simulation_.knobs.log_tail);
  }
  disk_.stored();
  return landed(compacted);
}

store::Landed SimulatedEngine::relieve() {
  touch();
  const raft::Index applied = platter_.applied.summary.applied_index;
  const bool compacted = compact(applied, (applied - platter_.compacted.index) / 2);
  ++platter_.stored.mark.checkpoint;
  return landed(compacted);
}

store::Landed SimulatedEngine::compact_backlog() {
  touch();
  const bool compacted =
      compact(platter_.applied.summary.applied_index, simulation_.knobs.log_tail);
  if (compacted) ++platter_.stored.mark.checkpoint;
  return landed(compacted);
}

bool SimulatedEngine::compact(raft::Index stored_before, std::uint64_t tail) {
  const raft::Index compacted = platter_.compacted.index;
  if (stored_before <= compacted || stored_before - compacted <= tail) return false;
  platter_.compact(stored_before - compacted - tail);
  ++simulation_.statistics.compactions;
  return true;
}

store::Landed SimulatedEngine::landed(bool compacted) const {
  store::Landed landed;
  landed.record = platter_.record();
  landed.compacted = compacted;
  landed.space = space_;
  return landed;
}

bool SimulatedEngine::clear_other_generation() {
  require_room();
  const bool empty = platter_.other_records.size() == 0;
  platter_.other_records = {};
  return empty;  // asked once more otherwise
}

void SimulatedEngine::load(const store::Records& records) {
  require_room();
  for (const ticket::State::Record& record : records) {
    platter_.other_records.put(record.key, record.value);
  }
}

// --- Reading --------------------------------------------------------------------------------------

store::LogRead SimulatedEngine::read_log(raft::Index from, raft::Index to, std::size_t max_bytes) {
  touch();
  const std::deque<StoredEntry>& log = platter_.stored.log;
  store::LogRead read;
  read.compacted = platter_.compacted.index;
  read.last = read.compacted + log.size();
  std::size_t bytes = 0;
  for (raft::Index index = from; index > read.compacted && index <= std::min(to, read.last);
       ++index) {
    const raft::Entry& entry = log[index - (read.compacted + 1)].entry;
    if (!read.entries.empty() && bytes + entry.charge() > max_bytes) break;
    bytes += entry.charge();
    read.entries.push_back(entry);
  }
  return read;
}

std::unique_ptr<store::StateView> SimulatedEngine::view(std::uint64_t generation) {
  return std::make_unique<TableView>(platter_, generation);
}

}  // namespace ticketd::sim
