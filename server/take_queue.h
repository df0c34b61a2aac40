// Requests for tickets from their arrival to their answer.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "raft/types.h"
#include "ticket/command.h"
#include "ticket/machine.h"
#include "ticket/service.h"

namespace ticketd::server {

using TakeDone = std::function<void(ticket::TakeAnswer)>;

/// One request that waits for its answer.
struct TakeWaiter {
  TakeDone done;
  raft::Time deadline;
};

/// The requests that one log entry answers, in the order of the answers that applying it gives.
using TakeWaiters = std::vector<TakeWaiter>;

/// A log entry's worth of requests.
struct TakeGroup {
  ticket::TakeBatch batch;
  TakeWaiters waiters;
};

/// Gathers requests until there is room for another log entry, and makes one entry of all that wait
/// (group commit): a Step a sequence, so that what goes into the log grows with the sequences named
/// and not with the requests.
class TakeQueue {
 public:
  /// Requests in one entry, and requests that may wait; more are refused by the owner.
  static constexpr std::size_t kMaxGroup = 4'096;
  static constexpr std::size_t kMaxWaiting = 65'536;

  bool full() const { return waiting_.size() >= kMaxWaiting; }
  bool empty() const { return waiting_.empty(); }
  void add(ticket::TakeRequest request, TakeWaiter waiter);

  /// The oldest requests as one group. Requires !empty().
  TakeGroup next_group(std::uint64_t stamp_us);

  /// When to call expire() next; none when nothing waits. Not after the first deadline of any; may
  /// be before it, when that request went into a group.
  std::optional<raft::Time> next_expiry() const { return next_expiry_; }
  /// Takes out those whose deadline is not after `now`.
  TakeWaiters expire(raft::Time now);
  TakeWaiters take_all();

 private:
  struct Waiting {
    ticket::TakeRequest request;
    TakeWaiter waiter;
  };
  std::deque<Waiting> waiting_;
  std::optional<raft::Time> next_expiry_;
};

/// What applying an entry's request gave, as its client is told.
ticket::TakeAnswer to_answer(const ticket::Taken& taken);

}  // namespace ticketd::server
