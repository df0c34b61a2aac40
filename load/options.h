#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "load/time.h"
#include "load/work.h"

namespace ticketd::load {

inline constexpr std::uint64_t kClientsMax = 20'000;
inline constexpr std::uint64_t kPipelineMax = 10'000;
inline constexpr std::uint64_t kRateMax = 10'000'000;

struct Options {
  /// Each HOST:PORT, at least one.
  std::vector<std::string> nodes;
  Work work;
  /// Connections, 1 to kClientsMax.
  std::uint64_t clients = 1;
  /// Requests of a connection that may wait for an answer, 1 to kPipelineMax.
  std::uint64_t pipeline = 1;
  /// Requests a second, sent on a schedule whether or not answers come (an open loop), up to
  /// kRateMax. 0: each answer makes room for the next request (a closed loop).
  std::uint64_t rate = 0;
  /// Requests before these are counted in nothing.
  Nanos warm_up = kSecond;
  /// How long, and how many, whichever ends first; 0: without that end. Not both are 0.
  Nanos time = 10 * kSecond;
  std::uint64_t requests = 0;
  /// How long to wait for an answer, and for the first one of all.
  Nanos patience = 5 * kSecond;
  /// Looked at now and then; true: end, and report. May be nullptr.
  const std::atomic<bool>* stop = nullptr;
};

}  // namespace ticketd::load
