#include "redis/pipeline.h"

#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "redis/replies.h"

namespace ticketd::redis {

namespace {

/// Of a reply that says how an operation of the cluster went.
constexpr std::size_t kOutcomeBytes = 512;

}  // namespace

std::uint64_t Pipeline::push(Asked asked, Protocol protocol) {
  const auto* request = std::get_if<ticket::Request>(&asked.what);
  const std::uint32_t times = request != nullptr ? request->times : 1;
  Slot& slot = push_slot(Slot::State::kAsked, protocol, bytes_at_most(asked));
  slot.times = times;
  size_ += times - 1;
  slot.asked = std::move(asked);
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
  slot.key_slot = 0;
  slot.times = 1;
  ++size_;
  slot.held_bytes = held_bytes;
  held_bytes_ += held_bytes;
  return slot;
}

Asked Pipeline::take_asked(std::uint64_t place) {
  Slot& slot = ring_.at(place);
  ENSURE(slot.state == Slot::State::kAsked);
  slot.state = Slot::State::kWaiting;
  slot.key_slot = slot_of(slot.asked);
  return std::move(slot.asked);  // what is no string stays as well: the shape
}

void Pipeline::answer_numbers(std::uint64_t place, const ticket::Done& done) {
  Slot& slot = ring_.at(place);
  ENSURE(done.times >= 1 && done.times <= slot.times);
  answer(place, Slot::State::kNumbers, slot.held_bytes).done = done;
}

void Pipeline::answer_written(std::uint64_t place, std::string bytes) {
  const std::size_t held_bytes = bytes.size() * ring_.at(place).times;
  answer(place, Slot::State::kWritten, held_bytes).text = std::move(bytes);
}

Pipeline::Slot& Pipeline::answer(std::uint64_t place, Slot::State state, std::size_t held_bytes) {
  Slot& slot = ring_.at(place);
  ENSURE(slot.state == Slot::State::kWaiting);
  slot.state = state;
  held_bytes_ = held_bytes_ - slot.held_bytes + held_bytes;
  slot.held_bytes = held_bytes;
  return slot;
}

void Pipeline::write(const Slot& slot, std::string& out) {
  if (slot.state == Slot::State::kWritten) {
    for (std::uint32_t i = 0; i < slot.times; ++i) {
      out.append(slot.text);
    }
    return;
  }
  ReplyWriter writer(out, slot.protocol);
  ticket::Done done = slot.done;
  for (std::uint32_t i = 0; i < slot.done.times; ++i) {
    reply_done(slot.asked.shape, done, writer);
    done.first += done.count;
  }
  for (std::uint32_t i = slot.done.times; i < slot.times; ++i) {
    reply_not_done({ticket::NotDone::Why::kOverflow, std::string(ticket::kUsedUp)}, writer);
  }
}

bool Pipeline::take_ready(std::string& out) {
  while (!ring_.empty()) {
    Slot& slot = ring_.front();
    if (slot.state == Slot::State::kAsked || slot.state == Slot::State::kWaiting) {
      return false;
    }
    write(slot, out);
    clear_keeping(slot.text, serve::kTextKept);
    const bool last = slot.last;
    size_ -= slot.times;
    held_bytes_ -= slot.held_bytes;
    ring_.pop();
    if (last) {
      return true;
    }
  }
  return false;
}

}  // namespace ticketd::redis
