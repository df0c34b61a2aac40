#include "server/request_queue.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace ticketd::server {

namespace {

/// Makes a group of requests, one after the other.
class GroupBuilder {
 public:
  void add(ticket::Request request, Waiter waiter) {
    const bool plain = request.kind == ticket::Kind::kTake && request.key.empty();
    const auto open = open_.find(request.sequence);
    if (plain && open != open_.end()) {
      operations_[open->second].values.push_back(request.value);
      waiters_[open->second].push_back(std::move(waiter));
      return;
    }
    if (plain) {
      open_.emplace(request.sequence, operations_.size());
    } else if (open != open_.end()) {
      open_.erase(open);  // takes that come later stand behind this request
    }
    keyed_ = keyed_ || !request.key.empty();
    operations_.push_back(
        {request.kind, std::move(request.sequence), {request.value}, std::move(request.key)});
    waiters_.emplace_back().push_back(std::move(waiter));
  }

  Group finish(std::uint64_t stamp_us, ticket::KeyLimits limits) {
    Group group;
    group.batch.stamp_us = stamp_us;
    if (keyed_) group.batch.limits = limits;
    group.batch.operations = std::move(operations_);
    for (Waiters& waiters : waiters_) {
      std::move(waiters.begin(), waiters.end(), std::back_inserter(group.waiters));
    }
    return group;
  }

 private:
  std::vector<ticket::Operation> operations_;
  std::vector<Waiters> waiters_;  // of each operation
  /// Where further takes of a sequence may join.
  std::unordered_map<std::string, std::size_t> open_;
  bool keyed_ = false;
};

}  // namespace

void RequestQueue::add(ticket::Request request, Waiter waiter) {
  ENSURE(!full());
  next_expiry_ = next_expiry_ ? std::min(*next_expiry_, waiter.deadline) : waiter.deadline;
  waiting_.push_back({std::move(request), std::move(waiter)});
}

Group RequestQueue::next_group(std::uint64_t stamp_us, ticket::KeyLimits limits) {
  ENSURE(!empty());
  GroupBuilder group;
  for (std::size_t left = kMaxGroup; left > 0 && !waiting_.empty(); --left) {
    Waiting& next = waiting_.front();
    group.add(std::move(next.request), std::move(next.waiter));
    waiting_.pop_front();
  }
  if (waiting_.empty()) next_expiry_.reset();
  return group.finish(stamp_us, limits);
}

Waiters RequestQueue::expire(raft::Time now) {
  Waiters expired;
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

Waiters RequestQueue::take_all() {
  Waiters all;
  for (Waiting& waiting : waiting_) all.push_back(std::move(waiting.waiter));
  waiting_.clear();
  next_expiry_.reset();
  return all;
}

}  // namespace ticketd::server
