#include "raft/outbox.h"

#include <algorithm>
#include <utility>

namespace ticketd::raft {

void Outbox::post(Envelope envelope, std::optional<SaveId> rests_on) {
  if (!rests_on) {
    if (free_.capacity() == 0) {
      free_.reserve(kUsual);
    }
    free_.push_back(std::move(envelope));
  } else if (!widens_newest(envelope, *rests_on) && held_.size() < kMaxHeld) {
    held_.push_back({*rests_on, std::move(envelope)});
  }
}

// Acknowledgements of pipelined appends that wait for one flush are one acknowledgement.
bool Outbox::widens_newest(const Envelope& envelope, SaveId rests_on) {
  const auto* newer = std::get_if<AppendResponse>(&envelope.message);
  if (newer == nullptr || !newer->success || held_.empty()) {
    return false;
  }
  Held& newest = held_.back();
  auto* older = std::get_if<AppendResponse>(&newest.envelope.message);
  if (older == nullptr || !older->success || older->term != newer->term ||
      newest.rests_on != rests_on || newest.envelope.to != envelope.to) {
    return false;
  }
  older->index = std::max(older->index, newer->index);
  return true;
}

void Outbox::release(SaveId saved, Term current_term) {
  auto kept = held_.begin();
  for (Held& held : held_) {
    if (held.rests_on > saved) {
      if (&*kept != &held) {
        *kept = std::move(held);
      }
      ++kept;
    } else if (term_of(held.envelope.message) >= current_term) {
      free_.push_back(std::move(held.envelope));
    }
  }
  held_.erase(kept, held_.end());
}

void Outbox::drop_held_log_answers() {
  std::erase_if(held_, [](const Held& held) {
    return std::holds_alternative<AppendResponse>(held.envelope.message) ||
           std::holds_alternative<SnapshotResponse>(held.envelope.message);
  });
}

}  // namespace ticketd::raft
