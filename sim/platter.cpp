#include "sim/platter.h"

#include <utility>

#include "base/bytes.h"
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
  for (auto stored = log.rbegin(); stored != log.rend(); ++stored) {
    if (stored->entry.type != raft::EntryType::kConfiguration) continue;
    return raft::Configuration::decode(stored->entry.payload.view()).value();
  }
  return compacted_configuration.configuration;
}

void Platter::compact(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const StoredEntry& stored = log.front();
    if (stored.entry.type == raft::EntryType::kConfiguration) {
      compacted_configuration = {
          stored.entry.index, raft::Configuration::decode(stored.entry.payload.view()).value()};
    }
    compacted = {stored.entry.index, stored.entry.term};
    compacted_chain = stored.chain;
    log.pop_front();
  }
}

void Platter::install(raft::SnapshotMark mark, std::uint64_t chain,
                      const SnapshotContent& content) {
  compacted = mark;
  compacted_chain = chain;
  compacted_configuration = content.state.configuration;
  log.clear();
  applied = content.state;
  records = content.records;
}

store::Opened Platter::open() const {
  store::Opened opened;
  opened.identity = identity;
  opened.applied = applied;
  raft::Restored& restored = opened.restored;
  restored.hard_state = hard_state;
  restored.compacted = compacted;
  restored.last_index = last_index();
  restored.applied_index = applied.summary.applied_index;
  if (compacted.index.value > 0) restored.configurations.push_back(compacted_configuration);
  raft::Term term = compacted.term;
  for (const StoredEntry& stored : log) {
    const raft::Entry& entry = stored.entry;
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

// --- Snapshot files -------------------------------------------------------------------------------

std::string encode_snapshot(const store::AppliedState& state, const RecordStore& records) {
  ByteWriter out;
  const ticket::Summary& summary = state.summary;
  for (const std::uint64_t field :
       {summary.applied_index.value, summary.applied_term.value, summary.digest, summary.sequences,
        summary.stamp_us, summary.oldest_key, summary.next_key, state.configuration.index.value}) {
    out.u64(field);
  }
  out.string(state.configuration.configuration.encode());
  records.for_each([&](std::string_view key, std::string_view value) {
    out.string(key);
    out.string(value);
  });
  out.u64(hash64(out.view()));
  return out.take();
}

std::optional<SnapshotContent> decode_snapshot(std::string_view bytes) {
  constexpr std::size_t kHash = sizeof(std::uint64_t);
  if (bytes.size() < kHash) return std::nullopt;
  const std::string_view body = bytes.substr(0, bytes.size() - kHash);
  if (ByteReader(bytes.substr(body.size())).u64() != hash64(body)) return std::nullopt;
  ByteReader in(body);
  SnapshotContent content;
  ticket::Summary& summary = content.state.summary;
  summary.applied_index = raft::Index(in.u64());
  summary.applied_term = raft::Term(in.u64());
  summary.digest = in.u64();
  summary.sequences = in.u64();
  summary.stamp_us = in.u64();
  summary.oldest_key = in.u64();
  summary.next_key = in.u64();
  content.state.configuration.index = raft::Index(in.u64());
  content.state.configuration.configuration =
      raft::Configuration::decode(in.string(1 << 20)).value();
  while (in.ok() && !in.at_end()) {
    const std::string_view key = in.string(ticket::kMaxRecordKeyBytes);
    const std::string_view value = in.string(ticket::kMaxRecordValueBytes);
    content.records.put(key, value);
  }
  if (!in.ok()) return std::nullopt;
  return content;
}

}  // namespace ticketd::sim
