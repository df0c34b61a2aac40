// Time as the load generator counts it.
#pragma once

#include <chrono>
#include <cstdint>

namespace ticketd::load {

/// Nanoseconds of the monotonic clock, or between two of its readings.
using Nanos = std::uint64_t;

inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1000 * kMillisecond;

inline Nanos now() {
  return static_cast<Nanos>(std::chrono::steady_clock::now().time_since_epoch() /
                            std::chrono::nanoseconds(1));
}

}  // namespace ticketd::load
