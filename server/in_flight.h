// Proposals between append and apply.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "raft/node.h"
#include "server/request_queue.h"
#include "ticket/records.h"

namespace ticketd::server {

/// How a proposal ended.
enum class Fate {
  kApplied,
  /// Another entry stands in its place: certainly not done.
  kLost,
  /// Not known: time ran out, or a snapshot covers its place.
  kUnknown,
};

using FateDone = std::function<void(Fate)>;

/// A proposal outlives the leadership that appended it: its entry may still
/// be committed by a later leader, and then its requests get their definite answers.
class InFlight {
 public:
  /// Requests of all proposals, each of a run; those count that were answered before the rest of
  /// theirs.
  static constexpr std::size_t kMaxHeld = 4 * RequestQueue::kMaxWaiting;
  /// For so many requests more. Both forms of add() require that there is room.
  std::size_t room() const { return kMaxHeld - held_; }

  void add(raft::Proposed at, Waiters waiters);
  void add(raft::Proposed at, raft::Time deadline, FateDone done);

  bool empty() const { return proposals_.empty(); }
  std::size_t waiting() const { return waiting_; }

  /// The entry (index, term) was applied and gave `outcomes`: settles the proposal that stands
  /// there.
  void applied(raft::Index index, raft::Term term, const std::vector<ticket::Outcome>& outcomes);
  /// The state moved to `index` without applying entry by entry: what stood there is unknown.
  void skipped_to(raft::Index index);

  /// When to call expire() next; none when nothing waits.
  std::optional<raft::Time> next_expiry() const { return next_expiry_; }
  /// Answers Unknown to those whose deadline is not after `now`.
  void expire(raft::Time now);
  /// Answers Unknown to all.
  void abandon();

 private:
  struct Proposal {
    /// In the order of their outcomes; those without `done` ran out of time.
    Waiters waiters;
    /// Of `done`.
    raft::Time deadline;
    FateDone done;

    std::size_t size = 0;
  };
  void settle(Proposal proposal, Fate fate, const std::vector<ticket::Outcome>& outcomes);
  /// The next deadline of what is left, none when nothing is.
  std::optional<raft::Time> expire(Proposal& proposal, raft::Time now);
  void expect(raft::Time deadline);
  void hold(raft::Proposed at, Proposal proposal);

  /// Two may stand at one index: a leader that lost (12, term 2) to a successor and then leads
  /// again appends (12, term 4), and until one of them is applied either may still be.
  std::map<std::pair<raft::Index, raft::Term>, Proposal> proposals_;
  /// Not after the first deadline of any; may be before it, when that one was settled in time.
  std::optional<raft::Time> next_expiry_;
  /// Requests that are not answered yet, of those that are held: waiting_ <= held_ <= kMaxHeld.
  std::size_t waiting_ = 0;
  std::size_t held_ = 0;
};

}  // namespace ticketd::server
