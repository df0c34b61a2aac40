#pragma once

#include <chrono>

#include "raft/types.h"

namespace ticketd::net {

using Clock = std::chrono::steady_clock;

inline Clock::duration to_duration(raft::Micros micros) {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::microseconds(static_cast<std::chrono::microseconds::rep>(micros)));
}

}  // namespace ticketd::net
