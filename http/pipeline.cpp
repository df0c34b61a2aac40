#include "http/pipeline.h"

#include <utility>

#include "base/check.h"

namespace ticketd::http {

namespace {

constexpr std::size_t kFirstRingSize = 4;
/// A longer ring gives its memory back when it is empty.
constexpr std::size_t kRingSizeKept = 16;

}  // namespace

std::uint64_t Pipeline::push(const Route& route, std::string_view target, Asked asked,
                             Framing framing) {
  Slot& slot = push_slot(framing, target.size() + bytes_at_most(asked));
  slot.state = Slot::State::kWaiting;
  slot.route = &route;
  slot.text.assign(target);
  slot.asked = std::move(asked);
  return first_ + count_ - 1;
}

void Pipeline::push_written(std::string bytes, Framing framing) {
  Slot& slot = push_slot(framing, bytes.size());
  slot.state = Slot::State::kWritten;
  slot.text = std::move(bytes);
}

Pipeline::Slot& Pipeline::push_slot(Framing framing, std::size_t held_bytes) {
  if (count_ == ring_.size()) {
    std::vector<Slot> larger(ring_.empty() ? kFirstRingSize : 2 * ring_.size());
    for (std::uint64_t place = first_; place < first_ + count_; ++place) {
      larger[place & (larger.size() - 1)] = std::move(at(place));
    }
    ring_ = std::move(larger);
  }
  ++count_;
  Slot& slot = at(first_ + count_ - 1);
  slot.framing = framing;
  slot.held_bytes = held_bytes;
  held_bytes_ += held_bytes;
  return slot;
}

Pipeline::Slot& Pipeline::at(std::uint64_t place) {
  ENSURE_LT(place - first_, count_);
  return ring_[place & (ring_.size() - 1)];
}

void Pipeline::answer_ticket(std::uint64_t place, std::uint64_t number) {
  Slot& slot = answer(place, Slot::State::kTicket, 0);
  slot.number = number;
}

void Pipeline::answer_written(std::uint64_t place, std::string bytes) {
  Slot& slot = answer(place, Slot::State::kWritten, bytes.size());
  slot.text = std::move(bytes);
}

/// What was asked is of no more use.
Pipeline::Slot& Pipeline::answer(std::uint64_t place, Slot::State state, std::size_t held_bytes) {
  Slot& slot = at(place);
  ENSURE(slot.state == Slot::State::kWaiting);
  slot.state = state;
  slot.asked = {};
  held_bytes_ = held_bytes_ - slot.held_bytes + held_bytes;
  slot.held_bytes = held_bytes;
  return slot;
}

void Pipeline::close_after_last() { at(first_ + count_ - 1).framing.persistent = false; }

bool Pipeline::take_ready(std::string& out, const ResponseWriter& writer) {
  while (count_ > 0) {
    Slot& slot = at(first_);
    if (slot.state == Slot::State::kWaiting) {
      return false;
    }
    if (slot.state == Slot::State::kTicket) {
      writer.write_ticket(out, slot.number, slot.framing);
    } else {
      out.append(slot.text);
    }
    const bool last = !slot.framing.persistent;
    pop();
    if (last) {
      return true;
    }
  }
  return false;
}

void Pipeline::pop() {
  Slot& slot = at(first_);
  held_bytes_ -= slot.held_bytes;
  // Short targets stay within the string: nothing is freed for them.
  slot.text = std::string();
  ++first_;
  --count_;
  if (count_ == 0 && ring_.size() > kRingSizeKept) {
    ring_ = {};
  }
}

}  // namespace ticketd::http
