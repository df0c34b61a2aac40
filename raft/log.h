// The log as the core needs it: terms of all of it, payloads of its newest part.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/message.h"

namespace ticketd::raft {

/// Entries from `first` on (until the next TermStart) are of `term`.
struct TermStart {
  Index first;
  Term term;

  bool operator==(const TermStart&) const = default;
};

/// Knows the term of every entry in (compacted, last] from a list of where terms begin (terms
/// change rarely, so it is short), every configuration in the log, and the entries themselves from
/// `cached_first()` on. What was evicted is read back from disk by the owner when a slow follower
/// needs it.
class Log {
 public:
  /// Requires what Restored says of these; `cached` ends at `last`, or is empty.
  Log(SnapshotMark compacted, std::vector<TermStart> term_starts,
      std::vector<ConfigurationAt> configurations, Index last, Entries cached);

  Index last_index() const { return last_; }
  Term last_term() const {
    return term_starts_.empty() ? compacted_.term : term_starts_.back().term;
  }
  SnapshotMark compacted() const { return compacted_; }
  /// The lowest index from which on every entry is in memory; last + 1 when none is.
  Index cached_first() const { return cached_.empty() ? last_ + 1 : cached_.front().index; }

  /// None outside [compacted.index, last]; index 0 of an untouched log is term 0. Never an answer
  /// for an index below the compacted one.
  std::optional<Term> term_at(Index index) const;
  bool matches(Index index, Term term) const { return term_at(index) == term; }
  /// The last index in the log (>= compacted) whose term is not above `term` and which is not above
  /// `limit` (Raft 5.3, fast back-tracking).
  Index last_index_not_above(Term term, Index limit) const;
  /// Is (index, term) at least as up to date as this log's end (Raft 5.4.1)?
  bool is_up_to_date(Index index, Term term) const;

  /// Requires entries.front().index == last + 1, consecutive, terms not falling, and configuration
  /// entries that decode.
  void append(std::span<const Entry> entries);
  /// Drops everything from `first` on. Requires compacted < first.
  void truncate_from(Index first);
  /// Requires index <= last. Nothing happens when that much is compacted already.
  void compact_to(Index index);
  /// Replaces everything by a snapshot's mark and configuration.
  void reset(SnapshotMark mark, ConfigurationAt configuration);

  /// Cached entries [from, to], cut at max_bytes of payload (at least one). Requires
  /// cached_first() <= from <= to <= last.
  Entries slice(Index from, Index to, std::size_t max_bytes) const;
  /// Forgets payloads not above `limit`, oldest first, while more than max_bytes are held.
  void evict(Index limit, std::size_t max_bytes);
  /// What the entries (after, to] count for in byte bounds. Requires them to be cached.
  std::size_t bytes_between(Index after, Index to) const;

  const ConfigurationAt& configuration() const { return configurations_.back(); }
  /// The newest configuration not above `index`. Requires index >= compacted.index.
  const ConfigurationAt& configuration_at(Index index) const;

 private:
  void ensure_consistent() const;

  SnapshotMark compacted_;  // compacted_.index <= last_
  Index last_;
  std::vector<TermStart> term_starts_;  // the first at compacted_.index + 1; empty: no entry
  std::vector<ConfigurationAt> configurations_;  // never empty; only the first is <= compacted_
  std::deque<Entry> cached_;                     // consecutive, ends at last_
  std::size_t cached_bytes_ = 0;                 // the sum of charge() over cached_
};

}  // namespace ticketd::raft
