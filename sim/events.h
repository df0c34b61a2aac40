// Virtual time: a heap of small events, the earliest first, and those of one moment in the order in
// which they were added.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "sim/plan.h"

namespace ticketd::sim {

enum class EventKind : std::uint8_t {
  /// slot: a frame on its way (Network).
  kFrame,
  /// slot: an action that belongs to nobody, or to a life of a process.
  kAction,
  /// The alarm of a process's loop.
  kAlarm,
  /// The turns that a process's loop has put off.
  kTurn,
  /// slot: a client whose next step is due.
  kClient,
};

inline constexpr std::uint32_t kNobody = 0xffffffff;

struct Event {
  Micros at = 0;
  std::uint64_t order = 0;
  /// Happens only while that process is in that life.
  std::uint32_t process = kNobody;
  std::uint32_t life = 0;
  std::uint32_t slot = 0;
  EventKind kind = EventKind::kAction;
};

class EventQueue {
 public:
  Micros now() const { return now_; }
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  Micros next_at() const { return heap_.front().at; }

  /// Sets `order`; a moment that is past is now.
  void push(Event event);
  /// The earliest; time moves on to it. Requires !empty().
  Event pop();
  /// Nothing happens until then. Requires that no event is earlier.
  void skip_to(Micros moment);

  /// An action that happens whatever becomes of anybody.
  void after(Micros delay, std::function<void()> action) {
    push_action(now_ + delay, kNobody, 0, std::move(action));
  }
  void push_action(Micros at, std::uint32_t process, std::uint32_t life,
                   std::function<void()> action);
  std::function<void()> take_action(std::uint32_t slot);

 private:
  void sift_up(std::size_t place);
  void sift_down();
  static bool earlier(const Event& a, const Event& b) {
    return a.at != b.at ? a.at < b.at : a.order < b.order;
  }

  Micros now_ = 0;
  std::uint64_t order_ = 0;
  std::vector<Event> heap_;  // four children a node: half as deep as with two
  std::vector<std::function<void()>> actions_;
  std::vector<std::uint32_t> free_actions_;
};

}  // namespace ticketd::sim
