#include "redis/pipeline.h"

#include <utility>

#include "base/check.h"

namespace ticketd::redis {

namespace {

/// Of a reply that says how an operation of the cluster went.
constexpr std::size_t kOutcomeBytes = 512;

}  // namespace

std::uint64_t Pipeline::push(Asked asked, Protocol protocol) {
  push_slot(Slot::State::kAsked, protocol, bytes_at_most(asked)).asked = std::move(asked);
  return ring_.end() - 1;
}

std::uint64_t Pipeline::push_waiting(Protocol protocol) {
  push_slot(Slot::State::kWaiting, protocol, kOutcomeBytes);
  return ring_.end() - 1;
}

void Pipeline::push_written(std::string bytes, bool last) {
  Slot& slot = push_slot(Slot::State::kWritten, Protocol::kResp2, bytes.size());
  slot.last = last;
  slot.text = std::move(bytes);
}

Pipeline::Slot& Pipeline::push_slot(Slot::State state, Protocol protocol, std::size_t held_bytes) {
  Slot& slot = ring_.at(ring_.push());
  slot.state = state;
  slot.protocol = protocol;
  slot.last = false;
  slot.held_bytes = held_bytes;
  held_bytes_ += held_bytes;
  return slot;
}

Asked Pipeline::take_asked(std::uint64_t place) {
  Slot& slot = ring_.at(place);
  ENSURE(slot.state == Slot::State::kAsked);
  slot.state = Slot::State::kWaiting;
  return std::move(slot.asked);  // what is no string stays as well: the shape
}

void Pipeline::answer_ticket(std::uint64_t place, std::uint64_t number) {
  answer(place, Slot::State::kTicket, 0).number = number;
}

void Pipeline::answer_written(std::uint64_t place, std::string bytes) {
  Slot& slot = answer(place, Slot::State::kWritten, bytes.size());
  slot.text = std::move(bytes);
}

Pipeline::Slot& Pipeline::answer(std::uint64_t place, Slot::State state, std::size_t held_bytes) {
  Slot& slot = ring_.at(place);
  ENSURE(slot.state == Slot::State::kWaiting);
  slot.state = state;
  held_bytes_ = held_bytes_ - slot.held_bytes + held_bytes;
  slot.held_bytes = held_bytes;
  return slot;
}

bool Pipeline::take_ready(std::string& out) {
  while (!ring_.empty()) {
    Slot& slot = ring_.front();
    switch (slot.state) {
      case Slot::State::kAsked:
      case Slot::State::kWaiting:
        return false;
      case Slot::State::kTicket:
        ReplyWriter(out, slot.protocol).simple_number(slot.number);
        break;
      case Slot::State::kWritten:
        out.append(slot.text);
        slot.text = std::string();
        break;
    }
    const bool last = slot.last;
    held_bytes_ -= slot.held_bytes;
    ring_.pop();
    if (last) {
      return true;
    }
  }
  return false;
}

}  // namespace ticketd::redis
