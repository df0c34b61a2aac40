#include "raft/log.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/check.h"

namespace ticketd::raft {

Log::Log(SnapshotMark compacted, std::vector<TermStart> term_starts,
         std::vector<ConfigurationAt> configurations, Index last, Entries cached)
    : compacted_(compacted),
      last_(last),
      term_starts_(std::move(term_starts)),
      configurations_(std::move(configurations)),
      cached_(std::make_move_iterator(cached.begin()), std::make_move_iterator(cached.end())) {
  // A node that follows a log from its very first entry has no configuration before that.
  if (configurations_.empty() || configurations_.front().index > compacted_.index) {
    configurations_.insert(configurations_.begin(), ConfigurationAt{});
  }
  for (const Entry& entry : cached_) {
    cached_bytes_ += entry.charge();
  }
  ensure_consistent();
}

void Log::ensure_consistent() const {
  ENSURE_LE(compacted_.index, last_);
  ENSURE_EQ(term_starts_.empty(), compacted_.index == last_);
  TermStart before{compacted_.index, compacted_.term};
  for (const TermStart& start : term_starts_) {
    ENSURE_GT(start.first, before.first);
    ENSURE_GE(start.term, before.term);
    before = start;
  }
  ENSURE_LE(before.first, last_);
  if (!term_starts_.empty()) {
    ENSURE_EQ(term_starts_.front().first, compacted_.index + 1);
  }
  for (std::size_t i = 1; i < configurations_.size(); ++i) {
    ENSURE_GT(configurations_[i].index, configurations_[i - 1].index);
    ENSURE_GT(configurations_[i].index, compacted_.index);
  }
  ENSURE_LE(configurations_.back().index, last_);
  Index index = cached_first();
  ENSURE_GT(index, compacted_.index);
  for (const Entry& entry : cached_) {
    ENSURE_EQ(entry.index, index);
    ENSURE(matches(entry.index, entry.term));
    ++index;
  }
  ENSURE_EQ(index, last_ + 1);
}

std::optional<Term> Log::term_at(Index index) const {
  if (index < compacted_.index || index > last_) {
    return std::nullopt;
  }
  if (index == compacted_.index) {
    return compacted_.term;
  }
  if (index >= term_starts_.back().first) {  // by far the most frequent question
    return term_starts_.back().term;
  }
  const auto after =
      std::upper_bound(term_starts_.begin(), term_starts_.end(), index,
                       [](Index i, const TermStart& start) { return i < start.first; });
  ENSURE(after != term_starts_.begin());
  return std::prev(after)->term;
}

Index Log::last_index_not_above(Term term, Index limit) const {
  const auto above =
      std::upper_bound(term_starts_.begin(), term_starts_.end(), term,
                       [](Term t, const TermStart& start) { return t < start.term; });
  const Index end = above == term_starts_.end() ? last_ : above->first - 1;
  return std::max(compacted_.index, std::min(end, limit));
}

bool Log::is_up_to_date(Index index, Term term) const {
  return term != last_term() ? term > last_term() : index >= last_;
}

void Log::append(std::span<const Entry> entries) {
  for (const Entry& entry : entries) {
    ENSURE_EQ(entry.index, last_ + 1);
    ENSURE_GE(entry.term, last_term());
    if (term_starts_.empty() || entry.term > last_term()) {
      term_starts_.push_back({entry.index, entry.term});
    }
    if (entry.type == EntryType::kConfiguration) {
      configurations_.push_back({entry.index, Configuration::decode(entry.payload.view()).value()});
    }
    last_ = entry.index;
    cached_bytes_ += entry.charge();
    cached_.push_back(entry);
  }
}

void Log::truncate_from(Index first) {
  ENSURE_LT(compacted_.index, first);
  if (first > last_) {
    return;
  }
  last_ = first - 1;
  while (!term_starts_.empty() && term_starts_.back().first > last_) {
    term_starts_.pop_back();
  }
  while (configurations_.back().index > last_) {
    configurations_.pop_back();
    ENSURE(!configurations_.empty());
  }
  while (!cached_.empty() && cached_.back().index > last_) {
    cached_bytes_ -= cached_.back().charge();
    cached_.pop_back();
  }
}

void Log::compact_to(Index index) {
  ENSURE_LE(index, last_);
  if (index <= compacted_.index) {
    return;
  }
  const auto keep_configuration =
      std::upper_bound(configurations_.begin(), configurations_.end(), index,
                       [](Index i, const ConfigurationAt& at) { return i < at.index; });
  configurations_.erase(configurations_.begin(), std::prev(keep_configuration));
  compacted_ = {index, term_at(index).value()};
  const auto after =
      std::upper_bound(term_starts_.begin(), term_starts_.end(), index + 1,
                       [](Index i, const TermStart& start) { return i < start.first; });
  term_starts_.erase(term_starts_.begin(), std::prev(after));
  if (index == last_) {
    term_starts_.clear();
  } else {
    term_starts_.front().first = index + 1;
  }
  evict(index, 0);
}

void Log::reset(SnapshotMark mark, ConfigurationAt configuration) {
  ENSURE_LE(configuration.index, mark.index);
  compacted_ = mark;
  last_ = mark.index;
  term_starts_.clear();
  configurations_.clear();
  configurations_.push_back(std::move(configuration));
  cached_.clear();
  cached_bytes_ = 0;
}

Entries Log::slice(Index from, Index to, std::size_t max_bytes) const {
  ENSURE_LE(cached_first(), from);
  ENSURE_LE(from, to);
  ENSURE_LE(to, last_);
  const auto begin = cached_.begin() + static_cast<std::ptrdiff_t>(from - cached_first());
  const auto limit = begin + static_cast<std::ptrdiff_t>(to - from + 1);
  auto end = begin;
  std::size_t bytes = 0;
  while (end != limit) {
    bytes += end->payload.size();
    if (bytes > max_bytes && end != begin) {
      break;
    }
    ++end;
  }
  return Entries(begin, end);
}

void Log::evict(Index limit, std::size_t max_bytes) {
  while (cached_bytes_ > max_bytes && !cached_.empty() && cached_.front().index <= limit) {
    cached_bytes_ -= cached_.front().charge();
    cached_.pop_front();
  }
}

std::size_t Log::bytes_between(Index after, Index to) const {
  ENSURE_LE(cached_first(), after + 1);
  ENSURE_LE(to, last_);
  std::size_t bytes = 0;
  for (Index index = after + 1; index <= to; ++index) {
    bytes += cached_[index - cached_first()].charge();
  }
  return bytes;
}

const ConfigurationAt& Log::configuration_at(Index index) const {
  ENSURE_GE(index, compacted_.index);
  auto at = configurations_.rbegin();
  while (at->index > index) {
    ++at;
    ENSURE(at != configurations_.rend());
  }
  return *at;
}

}  // namespace ticketd::raft
