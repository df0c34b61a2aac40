// The replicated state machine: sequences that only grow.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "raft/types.h"
#include "ticket/command.h"

namespace ticketd::ticket {

/// Where the sequences live. One thread.
class State {
 public:
  virtual ~State() = default;
  /// The last number given, none when the sequence was never ticketed.
  virtual std::optional<std::uint64_t> find(std::string_view sequence) = 0;
  virtual void put(std::string_view sequence, std::uint64_t last) = 0;
};

/// What sums up the state besides the sequences themselves. Replicas at one applied index are equal
/// in every field.
struct Summary {
  raft::Index applied_index{};
  raft::Term applied_term{};
  /// Sum (mod 2^64) of record_hash over all records: order does not matter, one change costs O(1).
  std::uint64_t digest = 0;
  std::uint64_t sequences = 0;
  /// Replicated time: the last applied stamp.
  std::uint64_t stamp_us = 0;

  bool operator==(const Summary&) const = default;
};

/// The hash of one record in Summary::digest.
std::uint64_t record_hash(std::string_view sequence, std::uint64_t last);

/// The answer to one count of one step.
struct Taken {
  /// 0 with `overflow`: nothing was taken because the sequence would pass 2^64 - 1.
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  bool overflow = false;

  bool operator==(const Taken&) const = default;
};

/// Applies log entries. Pure: the same entries on the same state give the same answers and summary.
class Machine {
 public:
  /// `state` must outlive the machine and match `summary`.
  Machine(State& state, Summary summary) : state_(state), summary_(summary) {}

  /// One entry, in log order: requires index == summary().applied_index + 1. An empty payload (a
  /// no-op or a configuration) only moves the index. Answers come in the order of the steps'
  /// counts, flattened. An undecodable command is an error and changes nothing.
  Result<std::vector<Taken>> apply(raft::Index index, raft::Term term, std::string_view command);

  const Summary& summary() const { return summary_; }
  /// After a snapshot was installed beneath.
  void reset(Summary summary) { summary_ = summary; }

 private:
  void take(const Step& step, std::vector<Taken>& answers);

  State& state_;
  Summary summary_;
};

}  // namespace ticketd::ticket
