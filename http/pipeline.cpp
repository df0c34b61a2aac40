#include "http/pipeline.h"

#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace ticketd::http {

std::uint64_t Pipeline::push(const Route& route, std::string_view target, Asked asked,
                             Framing framing) {
  Slot& slot = push_slot(framing, target.size() + bytes_at_most(asked));
  slot.state = Slot::State::kWaiting;
  slot.route = &route;
  slot.text.assign(target);
  slot.asked = std::move(asked);
  return ring_.end() - 1;
}

void Pipeline::push_written(std::string bytes, Framing framing) {
  Slot& slot = push_slot(framing, bytes.size());
  slot.state = Slot::State::kWritten;
  slot.text = std::move(bytes);
}

Pipeline::Slot& Pipeline::push_slot(Framing framing, std::size_t held_bytes) {
  Slot& slot = ring_.at(ring_.push());
  slot.framing = framing;
  slot.held_bytes = held_bytes;
  held_bytes_ += held_bytes;
  return slot;
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
  Slot& slot = ring_.at(place);
  ENSURE(slot.state == Slot::State::kWaiting);
  slot.state = state;
  slot.asked = {};
  held_bytes_ = held_bytes_ - slot.held_bytes + held_bytes;
  slot.held_bytes = held_bytes;
  return slot;
}

void Pipeline::close_after_last() { ring_.back().framing.persistent = false; }

bool Pipeline::take_ready(std::string& out, const ResponseWriter& writer) {
  while (!ring_.empty()) {
    Slot& slot = ring_.front();
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
  Slot& slot = ring_.front();
  held_bytes_ -= slot.held_bytes;
  clear_keeping(slot.text, serve::kTextKept);
  ring_.pop();
}

}  // namespace ticketd::http
