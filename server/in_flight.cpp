#include "server/in_flight.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"
#include "server/translate.h"

namespace ticketd::server {

namespace {

ticket::Answer without_result(Fate fate) {
  if (fate == Fate::kLost) {
    return ticket::NotDone{ticket::NotDone::Why::kNoLeader,
                           "leadership was lost and nothing was done"};
  }
  return ticket::Unknown{"the request was appended to the log, but not confirmed in time"};
}

}  // namespace

void InFlight::expect(raft::Time deadline) {
  if (!next_expiry_ || deadline < *next_expiry_) next_expiry_ = deadline;
}

void InFlight::hold(raft::Proposed at, Proposal proposal) {
  ENSURE_LE(proposal.size, room());
  held_ += proposal.size;
  waiting_ += proposal.size;
  const bool fresh = proposals_.try_emplace({at.index, at.term}, std::move(proposal)).second;
  ENSURE(fresh);
}

void InFlight::add(raft::Proposed at, Waiters waiters) {
  ENSURE(!waiters.empty());
  std::size_t size = 0;
  for (const Waiter& waiter : waiters) {
    expect(waiter.deadline);
    size += waiter.times;
  }
  hold(at, {std::move(waiters), {}, {}, size});
}

void InFlight::add(raft::Proposed at, raft::Time deadline, FateDone done) {
  expect(deadline);
  hold(at, {{}, deadline, std::move(done), 1});
}

void InFlight::settle(Proposal proposal, Fate fate, const std::vector<ticket::Outcome>& outcomes) {
  held_ -= proposal.size;
  if (fate == Fate::kApplied && !proposal.waiters.empty()) {
    ENSURE_EQ(outcomes.size(), proposal.size);
  }
  std::span<const ticket::Outcome> rest = outcomes;
  for (const Waiter& waiter : proposal.waiters) {
    const auto own = fate == Fate::kApplied ? rest.first(waiter.times) : rest.first(0);
    rest = rest.subspan(own.size());
    if (!waiter.done) continue;
    waiting_ -= waiter.times;
    waiter.done(fate == Fate::kApplied ? to_answer(own) : without_result(fate));
  }
  if (proposal.done) {
    --waiting_;
    proposal.done(fate);
  }
}

void InFlight::applied(raft::Index index, raft::Term term,
                       const std::vector<ticket::Outcome>& outcomes) {
  while (!proposals_.empty() && proposals_.begin()->first.first <= index) {
    auto node = proposals_.extract(proposals_.begin());
    // Every index is applied in turn, so none is left behind below it.
    ENSURE_EQ(node.key().first, index);
    settle(std::move(node.mapped()), node.key().second == term ? Fate::kApplied : Fate::kLost,
           outcomes);
  }
}

void InFlight::skipped_to(raft::Index index) {
  while (!proposals_.empty() && proposals_.begin()->first.first <= index) {
    auto node = proposals_.extract(proposals_.begin());
    settle(std::move(node.mapped()), Fate::kUnknown, {});
  }
}

std::optional<raft::Time> InFlight::expire(Proposal& proposal, raft::Time now) {
  std::optional<raft::Time> next;
  const auto due = [&](raft::Time deadline) {
    if (deadline <= now) return true;
    next = next ? std::min(*next, deadline) : deadline;
    return false;
  };
  if (proposal.done && due(proposal.deadline)) {
    --waiting_;
    std::exchange(proposal.done, nullptr)(Fate::kUnknown);
  }
  for (Waiter& waiter : proposal.waiters) {
    if (!waiter.done || !due(waiter.deadline)) continue;
    waiting_ -= waiter.times;
    std::exchange(waiter.done, nullptr)(without_result(Fate::kUnknown));
  }
  return next;
}

void InFlight::expire(raft::Time now) {
  if (!next_expiry_ || now < *next_expiry_) return;
  next_expiry_.reset();
  for (auto place = proposals_.begin(); place != proposals_.end();) {
    if (const auto next = expire(place->second, now)) {
      expect(*next);
      ++place;
    } else {
      held_ -= place->second.size;
      place = proposals_.erase(place);
    }
  }
}

void InFlight::abandon() {
  auto proposals = std::exchange(proposals_, {});
  for (auto& [at, proposal] : proposals) settle(std::move(proposal), Fate::kUnknown, {});
  next_expiry_.reset();
}

}  // namespace ticketd::server
