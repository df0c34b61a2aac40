// Requests that were sent and not yet answered.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "net/clock.h"
#include "net/transport.h"

namespace ticketd::net {

/// Numbers the calls of one connection and hands each one's callback out exactly once. Numbers
/// follow each other, so the calls stand in a queue by number, without an allocation for each.
class PendingCalls {
 public:
  using Done = std::function<void(CallResult)>;

  /// The number for the request.
  std::uint64_t add(Clock::time_point deadline, Done done) {
    calls_.push_back({deadline, std::move(done)});
    ++waiting_;
    return first_ + calls_.size() - 1;
  }

  /// Whether such a number was ever given out.
  bool knows(std::uint64_t id) const { return id > 0 && id < first_ + calls_.size(); }

  /// The callback, or an empty one if that call is no longer waiting.
  Done take(std::uint64_t id) {
    if (id < first_ || id - first_ >= calls_.size()) {
      return nullptr;
    }
    Done done = take_from(calls_[static_cast<std::size_t>(id - first_)]);
    while (!calls_.empty() && !calls_.front().done) {
      calls_.pop_front();
      ++first_;
    }
    return done;
  }

  /// The callbacks of all calls whose deadline has passed.
  std::vector<Done> take_expired(Clock::time_point now) {
    return take_if([now](const Waiting& call) { return call.deadline <= now; });
  }
  std::vector<Done> take_all() {
    return take_if([](const Waiting&) { return true; });
  }

  std::size_t size() const { return waiting_; }

 private:
  struct Waiting {
    Clock::time_point deadline;
    /// Empty once answered.
    Done done;
  };

  Done take_from(Waiting& call) {
    Done done = std::move(call.done);
    call.done = nullptr;
    waiting_ -= done ? 1U : 0U;
    return done;
  }

  template <class Condition>
  std::vector<Done> take_if(Condition condition) {
    std::vector<Done> taken;
    for (Waiting& call : calls_) {
      if (call.done && condition(call)) {
        taken.push_back(take_from(call));
      }
    }
    while (!calls_.empty() && !calls_.front().done) {
      calls_.pop_front();
      ++first_;
    }
    return taken;
  }

  std::deque<Waiting> calls_;
  /// The number of calls_.front(), or the next one to be given out.
  std::uint64_t first_ = 1;
  std::size_t waiting_ = 0;
};

}  // namespace ticketd::net
