#include "server/gathering.h"

#include <algorithm>

namespace ticketd::server {

void Gathering::came(raft::Time now, std::size_t requests) {
  missing_ -= std::min(missing_, requests);
  came_ = now;
}

bool Gathering::wait(raft::Time now) {
  if (missing_ == 0) {
    if (waiting_) to_skip_ = 0;
    return false;
  }
  if (!waiting_) {
    if (skipped_ < to_skip_) return false;
    waiting_ = true;
    began_ = now;
    came_ = std::max(came_, now);
  }
  if (now < *until()) return true;
  // At the limit some are back, and others still come: that was worth it.
  to_skip_ = now < came_ + kPatience ? 0 : std::min(kSkippedMax, 2 * to_skip_ + 1);
  return false;
}

std::optional<raft::Time> Gathering::until() const {
  if (!waiting_) return std::nullopt;
  return std::min(came_ + kPatience, began_ + kLimit);
}

void Gathering::proposed() {
  skipped_ = waiting_ ? 0 : std::min(skipped_ + 1, kSkippedMax);
  waiting_ = false;
  missing_ = 0;
}

}  // namespace ticketd::server
