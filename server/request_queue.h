// Requests that change sequences from their arrival to a log entry.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "raft/types.h"
#include "ticket/command.h"
#include "ticket/service.h"

namespace ticketd::server {

using AnswerDone = std::function<void(ticket::Answer)>;

/// One request that waits for its answer, or Request::times of them that have one answer.
struct Waiter {
  AnswerDone done;
  raft::Time deadline;
  /// So many outcomes are its.
  std::uint32_t times = 1;
};

/// The requests that one log entry answers, in the order of the outcomes that applying it gives.
using Waiters = std::vector<Waiter>;

/// A log entry's worth of requests.
struct Group {
  ticket::Batch batch;
  Waiters waiters;
};

/// Gathers requests until there is room for another log entry, and makes one entry of all that wait
/// (group commit). Takes without a key become one operation a sequence, so that what goes into the
/// log grows with the sequences named and not with the requests; requests for one sequence are
/// carried out in the order in which they came.
class RequestQueue {
 public:
  /// Requests in one entry, and requests that may wait; more are refused by the owner.
  static constexpr std::size_t kMaxGroup = 4'096;
  static constexpr std::size_t kMaxWaiting = 65'536;

  /// Requests that wait, each of a run counted.
  std::size_t size() const { return requests_; }
  /// For so many requests more.
  std::size_t room() const { return kMaxWaiting - requests_; }
  bool empty() const { return requests_ == 0; }
  /// Requires room() for all of `request`, whose times are the waiter's, too.
  void add(ticket::Request request, Waiter waiter);

  /// The oldest requests as one group. Requires !empty().
  Group next_group(std::uint64_t stamp_us, ticket::KeyLimits limits);

  /// When to call expire() next; none when nothing waits. Not after the first deadline of any; may
  /// be before it, when that request went into a group.
  std::optional<raft::Time> next_expiry() const { return next_expiry_; }
  /// Takes out those whose deadline is not after `now`.
  Waiters expire(raft::Time now);
  Waiters take_all();

 private:
  struct Waiting {
    ticket::Request request;
    Waiter waiter;
  };
  void clear();

  /// Those before next_ went into groups: so that an entry's worth is taken without moving the
  /// rest, and memory is used again when all are gone.
  std::vector<Waiting> waiting_;
  std::size_t next_ = 0;  // <= waiting_.size()
  /// The sum of the times of all from next_ on.
  std::size_t requests_ = 0;
  std::optional<raft::Time> next_expiry_;
};

}  // namespace ticketd::server
