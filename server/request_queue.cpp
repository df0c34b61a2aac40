#include "server/request_queue.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace ticketd::server {

namespace {

/// So many that went into groups may stand before those that wait.
constexpr std::size_t kTakenMax = 4'096;
static_assert(ticket::kMaxTimes <= RequestQueue::kMaxGroup);

/// Makes a group of requests, one after the other.
class GroupBuilder {
 public:
  void add(ticket::Request request, Waiter waiter) {
    const bool plain = request.kind == ticket::Kind::kTake && request.key.empty();
    const auto open = open_.find(request.sequence);
    if (plain && open != open_.end()) {
      auto& values = operations_[open->second].values;
      values.insert(values.end(), request.times, request.value);
      waiters_[open->second].push_back(std::move(waiter));
      return;
    }
    if (plain) {
      open_.emplace(request.sequence, operations_.size());
    } else if (open != open_.end()) {
      open_.erase(open);  // takes that come later stand behind this request
    }
    keyed_ = keyed_ || !request.key.empty();
    operations_.push_back({request.kind, std::move(request.sequence),
                           std::vector<std::uint64_t>(request.times, request.value),
                           std::move(request.key)});
    waiters_.emplace_back().push_back(std::move(waiter));
  }

  Group finish(std::uint64_t stamp_us, ticket::KeyLimits limits) {
    Group group;
    group.batch.stamp_us = stamp_us;
    if (keyed_) group.batch.limits = limits;
    group.batch.operations = std::move(operations_);
    // Mostly there is one sequence.
    group.waiters = std::move(waiters_.front());
    for (auto more = waiters_.begin() + 1; more != waiters_.end(); ++more) {
      std::move(more->begin(), more->end(), std::back_inserter(group.waiters));
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
  ENSURE_LE(request.times, room());
  ENSURE_EQ(request.times, waiter.times);
  next_expiry_ = next_expiry_ ? std::min(*next_expiry_, waiter.deadline) : waiter.deadline;
  requests_ += request.times;
  waiting_.push_back({std::move(request), std::move(waiter)});
}

Group RequestQueue::next_group(std::uint64_t stamp_us, ticket::KeyLimits limits) {
  ENSURE(!empty());
  GroupBuilder group;
  std::size_t left = kMaxGroup;
  while (next_ < waiting_.size() && waiting_[next_].waiter.times <= left) {
    Waiting& next = waiting_[next_++];
    left -= next.waiter.times;
    requests_ -= next.waiter.times;
    group.add(std::move(next.request), std::move(next.waiter));
  }
  if (empty()) {
    clear();
  } else if (next_ >= kTakenMax) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
  }
  return group.finish(stamp_us, limits);
}

Waiters RequestQueue::expire(raft::Time now) {
  Waiters expired;
  if (!next_expiry_ || now < *next_expiry_) return expired;
  std::vector<Waiting> all = std::exchange(waiting_, {});
  const std::size_t first = next_;
  clear();
  for (std::size_t i = first; i < all.size(); ++i) {
    if (all[i].waiter.deadline <= now) {
      expired.push_back(std::move(all[i].waiter));
    } else {
      add(std::move(all[i].request), std::move(all[i].waiter));
    }
  }
  return expired;
}

Waiters RequestQueue::take_all() {
  Waiters all;
  for (std::size_t i = next_; i < waiting_.size(); ++i)
    all.push_back(std::move(waiting_[i].waiter));
  clear();
  return all;
}

void RequestQueue::clear() {
  waiting_.clear();
  next_ = 0;
  requests_ = 0;
  next_expiry_.reset();
}

}  // namespace ticketd::server
