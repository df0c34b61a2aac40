#include "sim/platter.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace ticketd::sim {

std::uint64_t chain_of(std::uint64_t previous, const raft::Entry& entry) {
  const std::uint64_t place = hash64(entry.payload.view(), previous);
  return (place ^ (entry.term.value * 0x9e3779b97f4a7c15)) * 0xff51afd7ed558ccd +
         static_cast<std::uint64_t>(entry.type);
}

std::optional<raft::Term> Platter::term_at(raft::Index index) const {
  if (index == compacted.index) return compacted.term;
  if (index < compacted.index || index > last_index()) return std::nullopt;
  return entry_at(index).term;
}

std::optional<std::uint64_t> Platter::chain_at(raft::Index index) const {
  if (index == compacted.index) return compacted_chain;
  if (index < compacted.index || index > last_index()) return std::nullopt;
  return log[index - (compacted.index + 1)].chain;
}

raft::Configuration Platter::newest_configuration() const {
  for (auto newest = log.rbegin(); newest != log.rend(); ++newest) {
    if (newest->entry.type != raft::EntryType::kConfiguration) continue;
    return raft::Configuration::decode(newest->entry.payload.view()).value();
  }
  return compacted_configuration.configuration;
}

void Platter::make_journal(const store::JournalShape& made) {
  shape = made;
  ENSURE(store::create_journal(journal, shape).ok());
}

void Platter::found(const raft::Entry& first) {
  hard_state.current_term = first.term;
  log.push_back({first, chain_of(0, first)});
  stored.hard_state = hard_state;
  stored.log = log;
  ++stored.mark.checkpoint;
}

// --- Transactions ---------------------------------------------------------------------------------

void Platter::store(const store::Batch& batch) {
  if (batch.hard_state) stored.hard_state = *batch.hard_state;
  if (!batch.entries.empty()) {
    ENSURE_GT(batch.entries.front().index, compacted.index);
    const std::uint64_t kept = batch.entries.front().index - (compacted.index + 1);
    ENSURE_LE(kept, stored.log.size());
    stored.log.resize(kept);
    for (const raft::Entry& entry : batch.entries) {
      const std::uint64_t chain = stored.log.empty() ? compacted_chain : stored.log.back().chain;
      stored.log.push_back({entry, chain_of(chain, entry)});
    }
  }
  stored.mark.sequence = batch.journal_sequence;
  stored.mark.epoch = batch.journal_epoch.value_or(stored.mark.epoch);
  ++stored.mark.checkpoint;
}

void Platter::compact(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const StoredEntry& first = stored.log.front();
    ENSURE_EQ(first.chain, log.front().chain);
    if (first.entry.type == raft::EntryType::kConfiguration) {
      compacted_configuration = {
          first.entry.index, raft::Configuration::decode(first.entry.payload.view()).value()};
    }
    compacted = {first.entry.index, first.entry.term};
    compacted_chain = first.chain;
    stored.log.pop_front();
    log.pop_front();
  }
}

void Platter::switch_to(raft::SnapshotMark mark, const store::Switch& to) {
  compacted = mark;
  compacted_chain = to.chain;
  compacted_configuration = to.state.configuration;
  log.clear();
  stored.log.clear();
  applied = to.state;
  std::swap(records, other_records);
  ++generation;
}

// --- Coming back ----------------------------------------------------------------------------------

store::MetaRecord Platter::record() const {
  store::MetaRecord record;
  record.generation = generation;
  record.hard_state = stored.hard_state;
  record.summary = applied.summary;
  record.compacted = compacted;
  record.compacted_chain = compacted_chain;
  record.last_index = compacted.index + stored.log.size();
  record.journal_id = shape.id;
  record.journal = stored.mark;
  return record;
}

/// Whoever comes back here was killed at most, and lost no record: a gap has no excuse.
Result<store::Recovered> Platter::recover() const {
  return store::recover(journal, record(), store::Ending::kProcess);
}

Result<store::Recovered> Platter::recover_at_start() {
  if (!recovered_) return recover();
  return *std::exchange(recovered_, std::nullopt);
}

bool Platter::is_durable(const store::Batch& recovered) const {
  if (recovered.hard_state.value_or(stored.hard_state) != hard_state) return false;
  const raft::Entries& entries = recovered.entries;
  const std::uint64_t kept =
      entries.empty() ? stored.log.size() : entries.front().index - (compacted.index + 1);
  std::uint64_t chain = kept == 0 ? compacted_chain : stored.log[kept - 1].chain;
  for (const raft::Entry& entry : entries) chain = chain_of(chain, entry);
  return kept + entries.size() == log.size() && chain == chain_at(last_index());
}

namespace {

/// Of a record that is not in the database.
struct Extent {
  std::uint64_t sequence = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::vector<Extent> live_records(const SimulatedFile& journal, const store::JournalShape& shape,
                                 const store::JournalMark& mark) {
  std::vector<Extent> live;
  std::string half(shape.half_bytes, '\0');
  for (const unsigned which : {0U, 1U}) {
    ENSURE(journal.read(shape.half_start(which), half).ok());
    for (std::uint64_t at = 0; at < half.size(); at += store::kBlockBytes) {
      const auto record = store::find_record(std::string_view(half).substr(at), shape.id);
      if (!record || record->header.epoch != mark.epoch ||
          record->header.sequence <= mark.sequence) {
        continue;
      }
      const std::uint64_t begin = shape.half_start(which) + at;
      live.push_back({record->header.sequence, begin,
                      begin + store::kRecordHeaderBytes + record->header.payload_bytes});
    }
  }
  return live;
}

}  // namespace

Platter::RotPlace Platter::draw_rot(Random& random) const {
  constexpr std::uint64_t kFileHeaderBytes = 40;
  std::vector<Extent> live = live_records(journal, shape, stored.mark);
  const auto newest = std::max_element(
      live.begin(), live.end(),
      [](const Extent& a, const Extent& b) { return a.sequence < b.sequence; });
  RotPlace place;
  Extent last;
  if (newest != live.end()) {
    last = *newest;
    live.erase(newest);
  }
  if (!live.empty() && random.chance(3, 4)) {
    const Extent& record = live[random.below(live.size())];
    place.offset = record.begin + random.below(record.end - record.begin);
  } else {
    do {
      place.offset = random.below(journal.size());
    } while (place.offset >= last.begin && place.offset < last.end);
  }
  place.promised = place.offset < kFileHeaderBytes ||
                   std::any_of(live.begin(), live.end(), [&](const Extent& record) {
                     return place.offset >= record.begin && place.offset < record.end;
                   });
  return place;
}

void Platter::rot(const RotPlace& place, unsigned bit) {
  journal.flip_bit(place.offset, bit);
  rotten |= place.promised;
  recovered_.reset();
}

store::Opened Platter::open() const {
  store::Opened opened;
  opened.identity = identity;
  opened.applied = applied;
  raft::Restored& restored = opened.restored;
  restored.hard_state = stored.hard_state;
  restored.compacted = compacted;
  restored.last_index = compacted.index + stored.log.size();
  restored.applied_index = applied.summary.applied_index;
  if (compacted.index.value > 0) restored.configurations.push_back(compacted_configuration);
  raft::Term term = compacted.term;
  for (const StoredEntry& each : stored.log) {
    const raft::Entry& entry = each.entry;
    if (entry.term != term || restored.term_starts.empty()) {
      restored.term_starts.push_back({entry.index, entry.term});
    }
    term = entry.term;
    if (entry.index > restored.applied_index) restored.entries.push_back(entry);
    if (entry.type != raft::EntryType::kConfiguration) continue;
    restored.configurations.push_back(
        {entry.index, raft::Configuration::decode(entry.payload.view()).value()});
  }
  return opened;
}

}  // namespace ticketd::sim
