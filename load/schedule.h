// When the requests of an open loop are due.
#pragma once

#include "base/check.h"
#include "load/time.h"

namespace ticketd::load {

/// `rate` requests a second, equally far apart, from `start` on. The schedule does not wait for
/// anybody: a request that cannot be sent when it is due stays due, and its latency counts from
/// that moment. So a server that stalls is charged for every request of the stall, not for one.
class Schedule {
 public:
  /// rate >= 1.
  Schedule(std::uint64_t rate, Nanos start) : rate_(rate), start_(start) { ENSURE_GE(rate, 1u); }

  /// When the next request is due; not rounded step by step, so nothing adds up.
  Nanos next() const {
    return start_ + taken_ / rate_ * kSecond + taken_ % rate_ * kSecond / rate_;
  }
  /// The same, and goes on to the one behind it.
  Nanos take() {
    const Nanos due = next();
    ++taken_;
    return due;
  }

 private:
  std::uint64_t rate_;
  Nanos start_;
  std::uint64_t taken_ = 0;
};

}  // namespace ticketd::load
