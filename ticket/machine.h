// The replicated state machine: sequences that only grow, and the idempotency keys of requests that
// must not count twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raft/types.h"
#include "ticket/command.h"
#include "ticket/records.h"
#include "ticket/service.h"

namespace ticketd::ticket {

/// Records whose keys begin with `prefix` and stand behind `after`, in the order of their bytes; at
/// most `limit` of them.
struct ListRange {
  std::string prefix;
  std::string after;
  std::size_t limit = 0;
};

/// The records of a listing's sequences, and one more if there is one.
ListRange records_of(const Listing& listing);

/// Where the records live: see ticket/records.h. Keys are 1 to kMaxRecordKeyBytes, values at most
/// kMaxRecordValueBytes. One thread.
class State {
 public:
  struct Record {
    std::string key;
    std::string value;

    bool operator==(const Record&) const = default;
  };

  virtual ~State() = default;
  virtual std::optional<std::string> find(std::string_view key) = 0;
  virtual void put(std::string_view key, std::string_view value) = 0;
  /// Does nothing when there is no such record.
  virtual void remove(std::string_view key) = 0;
  virtual std::vector<Record> list(const ListRange& range) = 0;
  /// find(key) will not wait for a disk. May forget; a record put a moment ago is warm.
  virtual bool is_warm(std::string_view key) = 0;
};

/// What sums up the state besides the records themselves. Replicas at one applied index are equal
/// in every field.
struct Summary {
  raft::Index applied_index{};
  raft::Term applied_term{};
  /// Sum (mod 2^64) of record_hash over all records, and beginning_hash: order does not matter, one
  /// change costs O(1).
  std::uint64_t digest = 0;
  /// Sequences that were ever ticketed or moved.
  std::uint64_t sequences = 0;
  /// Replicated time: the last applied stamp.
  std::uint64_t stamp_us = 0;
  /// Ordinals of the oldest idempotency key that is remembered, and of the next one to come. Equal:
  /// none is remembered.
  std::uint64_t oldest_key = 0;
  std::uint64_t next_key = 0;  // >= oldest_key
  /// Where a named sequence begins that is not known: at 0, until a recovery may have lost the
  /// first numbers of one.
  std::uint64_t beginning = 0;

  std::uint64_t keys() const { return next_key - oldest_key; }
  std::uint64_t records() const { return sequences + 2 * keys(); }
  bool operator==(const Summary&) const = default;
};

/// Applies log entries. Pure: the same entries on the same state give the same outcomes and
/// summary.
class Machine {
 public:
  /// `state` must outlive the machine and match `summary`.
  Machine(State& state, Summary summary) : state_(state), summary_(summary) {}

  /// One entry, in log order: requires index == summary().applied_index + 1. Without a batch (a
  /// no-op, a configuration) only the index moves. Outcomes come in the order of the operations'
  /// values, flattened.
  std::vector<Outcome> apply(raft::Index index, raft::Term term, const Batch* batch);

  /// Appends the keys of records that applying this batch now would have to wait for. When they are
  /// warm it may have to be asked again: what they hold can lead to others.
  void cold_keys(const Batch& batch, std::vector<std::string>& keys) const;

  /// The last number given; none when the sequence was never ticketed or moved.
  std::optional<std::uint64_t> last(std::string_view sequence) const;

  const Summary& summary() const { return summary_; }
  /// After a snapshot was installed beneath.
  void reset(Summary summary) { summary_ = summary; }

 private:
  void apply(const Operation& operation, std::vector<Outcome>& outcomes);
  Outcome apply_once(const Operation& operation, const KeyLimits& limits);
  std::optional<KeyRecord> remembered(std::string_view key) const;
  KeyRecord key_record(std::uint64_t ordinal) const;
  void forget_old_keys();
  void remember(const Operation& operation, const KeyLimits& limits, const Outcome& outcome);
  void take(const Operation& operation, std::vector<Outcome>& outcomes);
  Outcome advance(const Operation& operation);
  Outcome remove(const Operation& operation);
  Outcome raise_beginning(std::uint64_t to);
  std::optional<std::uint64_t> next_number(std::string_view sequence,
                                           std::optional<std::uint64_t> last) const;
  void set_last(std::string_view sequence, std::optional<std::uint64_t> before, std::uint64_t last);
  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key, std::string_view value);

  State& state_;
  Summary summary_;
};

}  // namespace ticketd::ticket
