#include "sim/events.h"

#include <algorithm>

#include "base/check.h"

namespace ticketd::sim {

void EventQueue::push(Event event) {
  event.at = std::max(event.at, now_);
  event.order = ++order_;
  heap_.push_back(event);
  sift_up(heap_.size() - 1);
}

void EventQueue::sift_up(std::size_t place) {
  const Event event = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 4;
    if (!earlier(event, heap_[parent])) break;
    heap_[place] = heap_[parent];
    place = parent;
  }
  heap_[place] = event;
}

Event EventQueue::pop() {
  ENSURE(!heap_.empty());
  const Event first = heap_.front();
  now_ = first.at;
  heap_.front() = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sift_down();
  return first;
}

void EventQueue::sift_down() {
  const Event event = heap_.front();
  const std::size_t size = heap_.size();
  std::size_t place = 0;
  while (true) {
    const std::size_t first = 4 * place + 1;
    if (first >= size) break;
    std::size_t least = first;
    const std::size_t end = std::min(first + 4, size);
    for (std::size_t child = first + 1; child < end; ++child) {
      if (earlier(heap_[child], heap_[least])) least = child;
    }
    if (!earlier(heap_[least], event)) break;
    heap_[place] = heap_[least];
    place = least;
  }
  heap_[place] = event;
}

void EventQueue::skip_to(Micros moment) {
  ENSURE(heap_.empty() || heap_.front().at >= moment);
  now_ = std::max(now_, moment);
}

void EventQueue::push_action(Micros at, std::uint32_t process, std::uint32_t life,
                             std::function<void()> action) {
  std::uint32_t slot = static_cast<std::uint32_t>(actions_.size());
  if (free_actions_.empty()) {
    actions_.push_back(std::move(action));
  } else {
    slot = free_actions_.back();
    free_actions_.pop_back();
    actions_[slot] = std::move(action);
  }
  push({.at = at, .process = process, .life = life, .slot = slot, .kind = EventKind::kAction});
}

std::function<void()> EventQueue::take_action(std::uint32_t slot) {
  free_actions_.push_back(slot);
  return std::exchange(actions_[slot], nullptr);
}

}  // namespace ticketd::sim
