// What has to be explained: a history's operations, each request once, by sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "jepsen/history.h"
#include "jepsen/verdict.h"

namespace ticketd::jepsen {

/// All attempts of one request: those that share an idempotency key, or one operation without. It
/// took effect at most once, at a moment of its interval.
struct Request {
  /// The earliest of the attempts that did not certainly fail.
  std::int64_t invoked_ns = 0;
  /// The earliest answer; kNever when there was none.
  std::int64_t returned_ns = kNever;
  /// A take of known outcome: the numbers from `begin` to `end` - 1 are its own. A read: both are
  /// the number that comes after what it read. Both 0 when the outcome is unknown.
  std::uint64_t begin = 0, end = 0;
  /// How many numbers are taken; 0 for a read.
  std::uint32_t count = 1;
  /// The attempt that was answered, or the first: an index of History::operations.
  std::uint32_t operation = 0;

  bool unknown() const { return returned_ns == kNever; }
  bool read() const { return count == 0; }
};

/// The requests of one sequence, in the order in which the history has their first attempts.
struct SequenceRequests {
  /// A number of History::sequences.
  std::uint32_t sequence = 0;
  /// The first number it gives.
  std::uint64_t start = 0;
  std::vector<Request> requests;
};

/// Left out are attempts that certainly failed and reads without an answer, since they explain
/// nothing. Findings are added for a key that has two answers or two meanings, and for answers that
/// are not of the size that was asked for.
std::vector<SequenceRequests> requests_by_sequence(const History& history,
                                                   std::vector<Finding>& findings);

}  // namespace ticketd::jepsen
