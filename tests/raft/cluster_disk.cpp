#include "tests/raft/cluster_disk.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "tests/raft/cluster_entries.h"

namespace ticketd::raft::cluster {

std::string encode_snapshot(const SnapshotContent& content, std::uint64_t file_id,
                            std::size_t padding) {
  ByteWriter out;
  out.u64(content.mark.index.value);
  out.u64(content.mark.term.value);
  out.u64(content.digest);
  out.u64(content.configuration.index.value);
  out.string(content.configuration.configuration.encode());
  std::string filling;
  // The filling differs from file to file, so that chunks of two files do not make a good one.
  for (std::uint64_t i = 0; i < padding; ++i) {
    filling.push_back(static_cast<char>(mixed(file_id, i / 8) >> (i % 8 * 8)));
  }
  out.string(filling);
  out.u64(hash64(out.view()));
  return out.take();
}

std::optional<SnapshotContent> decode_snapshot(std::string_view bytes) {
  if (bytes.size() < 8) {
    return std::nullopt;
  }
  ByteReader trailer(bytes.substr(bytes.size() - 8));
  if (trailer.u64() != hash64(bytes.substr(0, bytes.size() - 8))) {
    return std::nullopt;
  }
  ByteReader in(bytes);
  SnapshotContent content;
  content.mark.index = Index{in.u64()};
  content.mark.term = Term{in.u64()};
  content.digest = in.u64();
  content.configuration.index = Index{in.u64()};
  Result<Configuration> configuration = Configuration::decode(in.string(bytes.size()));
  ENSURE(in.ok() && configuration.ok());
  content.configuration.configuration = std::move(configuration).value();
  return content;
}

Disk::Disk(const Entries& log, Term term, const Configuration& configuration, bool compacted) {
  hard_state_.current_term = term;
  if (compacted) {
    compacted_ = {log.back().index, log.back().term};
  } else {
    log_ = log;
    configurations_[Index{0}] = {};
  }
  configurations_[log.back().index] = {log.back().index, configuration};
}

Save Disk::sync() {
  ENSURE(writing_.has_value());
  Save save = std::move(*writing_);
  writing_.reset();
  hard_state_ = save.hard_state.value_or(hard_state_);
  if (!save.entries.empty()) {
    const Index first = save.entries.front().index;
    ENSURE(first > compacted_.index && first <= last_index() + 1);
    log_.resize(first - compacted_.index - 1);
    configurations_.erase(configurations_.lower_bound(first), configurations_.end());
  }
  for (const Entry& entry : save.entries) {
    log_.push_back(entry);
    if (entry.type == EntryType::kConfiguration) {
      configurations_[entry.index] = {entry.index,
                                      Configuration::decode(entry.payload.view()).value()};
    }
  }
  return save;
}

void Disk::crash(Broken broken) {
  writing_.reset();
  staged_.clear();
  staged_mark_ = {};
  files_.clear();
  if (broken == Broken::kForgetsVote) {
    hard_state_.has_voted = false;
    hard_state_.voted_for = {};
  }
  if (broken == Broken::kDropsTail && !log_.empty() && last_index() > applied_.index) {
    configurations_.erase(last_index());
    log_.pop_back();
  }
}

Restored Disk::restored(Random& random) const {
  Restored restored;
  restored.hard_state = hard_state_;
  restored.compacted = compacted_;
  restored.last_index = last_index();
  restored.applied_index = applied_.index;
  Term previous;
  for (const Entry& entry : log_) {
    if (restored.term_starts.empty() || entry.term != previous) {
      restored.term_starts.push_back({entry.index, entry.term});
      previous = entry.term;
    }
  }
  if (last_index() == Index{0}) {
    return restored;  // A fresh node has all of it empty.
  }
  for (const auto& [index, configuration] : configurations_) {
    restored.configurations.push_back(configuration);
  }
  const Index needed = std::min(applied_.index + 1, last_index() + 1);
  const std::uint64_t first =
      random.chance(1, 2) ? needed.value : random.between(compacted_.index.value + 1, needed.value);
  for (std::uint64_t index = first; index <= last_index().value; ++index) {
    restored.entries.push_back(log_[index - compacted_.index.value - 1]);
  }
  return restored;
}

Entries Disk::read(Index from, Index to, std::size_t max_bytes) const {
  Entries entries;
  if (from <= compacted_.index) {
    return entries;
  }
  std::size_t bytes = 0;
  for (; from <= to && from <= last_index(); ++from) {
    const Entry& entry = log_[from - compacted_.index - 1];
    bytes += entry.payload.size();
    if (!entries.empty() && bytes > max_bytes) {
      break;
    }
    entries.push_back(entry);
  }
  return entries;
}

Term Disk::term_at(Index index) const {
  ENSURE(index >= compacted_.index && index <= last_index());
  return index == compacted_.index ? compacted_.term : log_[index - compacted_.index - 1].term;
}

void Disk::compact(Index index) {
  ENSURE(index > compacted_.index && index <= applied_.index);
  const Term term = term_at(index);
  const auto newest = std::prev(configurations_.upper_bound(index));
  configurations_.erase(configurations_.begin(), newest);
  log_.erase(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(index - compacted_.index));
  compacted_ = {index, term};
}

const ConfigurationAt& Disk::configuration_at(Index index) const {
  return std::prev(configurations_.upper_bound(index))->second;
}

SnapshotMark Disk::make_snapshot(std::uint64_t file_id, std::size_t padding, Broken broken) {
  const Index index = applied_.index;
  const SnapshotMark mark{index, term_at(index)};
  const std::uint64_t digest = applied_.digest ^ (broken == Broken::kForgesState ? 1 : 0);
  files_[{mark, file_id}] =
      encode_snapshot({mark, digest, configuration_at(index)}, file_id, padding);
  return mark;
}

std::optional<std::pair<SnapshotMark, std::uint64_t>> Disk::newest_snapshot() const {
  if (files_.empty() || files_.rbegin()->first.first.index < compacted_.index) {
    return std::nullopt;
  }
  return files_.rbegin()->first;
}

std::optional<SnapshotChunk> Disk::chunk(SnapshotMark mark, std::uint64_t file_id,
                                         std::uint64_t offset, std::size_t max_bytes) const {
  const auto file = files_.find({mark, file_id});
  if (file == files_.end()) {
    return std::nullopt;
  }
  const std::string& bytes = file->second;
  ENSURE_LE(offset, bytes.size());
  return SnapshotChunk{mark, file_id, bytes.size(), offset,
                       Payload(bytes.substr(offset, max_bytes))};
}

bool Disk::stage(const SnapshotChunk& chunk) {
  if (chunk.offset == 0) {
    staged_mark_ = chunk.mark;
    staged_file_ = chunk.file_id;
    staged_.clear();
  }
  if (chunk.mark != staged_mark_ || chunk.file_id != staged_file_ ||
      chunk.offset != staged_.size()) {
    return false;
  }
  staged_ += chunk.data.view();
  return true;
}

void Disk::damage_staged() {
  if (!staged_.empty()) {
    staged_[staged_.size() / 2] ^= 1;
  }
}

std::optional<SnapshotContent> Disk::install(SnapshotMark mark) {
  std::optional<SnapshotContent> content = decode_snapshot(staged_);
  staged_.clear();
  staged_mark_ = {};
  if (!content || content->mark != mark) {
    return std::nullopt;
  }
  compacted_ = mark;
  log_.clear();
  configurations_.clear();
  configurations_[content->configuration.index] = content->configuration;
  applied_ = {mark.index, content->digest};
  return content;
}

}  // namespace ticketd::raft::cluster
