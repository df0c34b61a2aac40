#include "server/take_queue.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace ticketd::server {

void TakeQueue::add(ticket::TakeRequest request, TakeWaiter waiter) {
  ENSURE(!full());
  next_expiry_ = next_expiry_ ? std::min(*next_expiry_, waiter.deadline) : waiter.deadline;
  waiting_.push_back({std::move(request), std::move(waiter)});
}

TakeGroup TakeQueue::next_group(std::uint64_t stamp_us) {
  ENSURE(!empty());
  const std::size_t size = std::min(waiting_.size(), kMaxGroup);
  TakeGroup group;
  group.batch.stamp_us = stamp_us;
  std::unordered_map<std::string, std::size_t> step_of;
  std::vector<TakeWaiters> waiters_of_step;
  for (std::size_t i = 0; i < size; ++i) {
    Waiting& waiting = waiting_[i];
    const auto [place, fresh] =
        step_of.try_emplace(waiting.request.sequence, group.batch.steps.size());
    if (fresh) {
      group.batch.steps.push_back({waiting.request.sequence, {}});
      waiters_of_step.emplace_back();
    }
    group.batch.steps[place->second].counts.push_back(waiting.request.count);
    waiters_of_step[place->second].push_back(std::move(waiting.waiter));
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(size));
  if (waiting_.empty()) next_expiry_.reset();
  group.waiters.reserve(size);
  for (TakeWaiters& waiters : waiters_of_step) {
    std::move(waiters.begin(), waiters.end(), std::back_inserter(group.waiters));
  }
  return group;
}

TakeWaiters TakeQueue::expire(raft::Time now) {
  TakeWaiters expired;
  if (!next_expiry_ || now < *next_expiry_) return expired;
  next_expiry_.reset();
  std::deque<Waiting> kept;
  for (Waiting& waiting : waiting_) {
    const raft::Time deadline = waiting.waiter.deadline;
    if (deadline <= now) {
      expired.push_back(std::move(waiting.waiter));
    } else {
      next_expiry_ = next_expiry_ ? std::min(*next_expiry_, deadline) : deadline;
      kept.push_back(std::move(waiting));
    }
  }
  waiting_.swap(kept);
  return expired;
}

TakeWaiters TakeQueue::take_all() {
  TakeWaiters all;
  for (Waiting& waiting : waiting_) all.push_back(std::move(waiting.waiter));
  waiting_.clear();
  next_expiry_.reset();
  return all;
}

ticket::TakeAnswer to_answer(const ticket::Taken& taken) {
  if (!taken.overflow) return ticket::Range{taken.first, taken.count};
  return ticket::NotDone{ticket::NotDone::Why::kOverflow,
                         "the sequence would pass 18446744073709551615, nothing was taken"};
}

}  // namespace ticketd::server
