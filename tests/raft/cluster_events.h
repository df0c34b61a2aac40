// Virtual time: an event heap keyed by (time, sequence number), so that one seed gives one order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "raft/types.h"

namespace ticketd::raft::cluster {

class EventQueue {
 public:
  using Action = std::function<void()>;

  /// Microseconds since the simulation began.
  Micros now() const { return now_; }
  std::uint64_t steps() const { return steps_; }

  void after(Micros delay, Action action) {
    heap_.push_back({now_ + delay, next_sequence_++, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  /// Runs the earliest event if it is due by `end`; otherwise moves time to `end` and says false.
  bool run_next(Micros end) {
    if (heap_.empty() || heap_.front().when > end) {
      now_ = std::max(now_, end);
      return false;
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.when;
    ++steps_;
    event.action();
    return true;
  }

 private:
  struct Event {
    Micros when;
    std::uint64_t sequence;
    Action action;
  };
  static bool later(const Event& a, const Event& b) {
    return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
  }

  std::vector<Event> heap_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t steps_ = 0;
  Micros now_ = 0;
};

}  // namespace ticketd::raft::cluster
