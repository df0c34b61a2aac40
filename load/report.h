// What a run found out.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "load/histogram.h"
#include "load/reply.h"
#include "load/time.h"

namespace ticketd::load {

/// Of the requests that were due after the warm-up.
struct Report {
  /// From the end of the warm-up until nothing more was sent, or the last answer if that is later.
  Nanos duration = 0;
  /// By Outcome.
  std::array<std::uint64_t, kOutcomes> outcomes{};
  /// Due in an open loop, and never sent since all connections were waiting.
  std::uint64_t unsent = 0;
  /// Nanoseconds from when a request was due (open loop) or sent (closed loop) to its answer, of
  /// those that were done.
  Histogram latency;
  /// The longest time without an answer that something was done.
  Nanos longest_silence = 0;
  /// How often a connection was made, the first times included.
  std::uint64_t connects = 0;
  /// The first answer that was neither done nor an ordinary failure, cut short; or why there is
  /// none.
  std::string first_failure;

  std::uint64_t done() const { return outcomes[static_cast<std::size_t>(Outcome::kDone)]; }
  double done_per_second() const {
    return duration == 0 ? 0 : static_cast<double>(done()) * 1e9 / static_cast<double>(duration);
  }
};

/// The last second of a run.
struct Progress {
  /// Since the first request, warm-up included.
  Nanos elapsed = 0;
  bool warming_up = false;
  std::uint64_t done = 0;
  /// Nanoseconds.
  std::uint64_t p50 = 0;
  std::uint64_t p99 = 0;
  /// Other outcomes in that second.
  std::uint64_t failed = 0;
};

}  // namespace ticketd::load
