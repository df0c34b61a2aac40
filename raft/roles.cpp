// The four roles (Raft 5.1, thesis 9.6). Nothing else sets State::role.
#include <utility>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

void Node::State::become_follower(Term term, std::optional<MemberId> of_leader) {
  ENSURE_GE(term, current_term());
  if (role == Role::kLeader) {
    leader_heard_at = majority_heard_at();
    fail_reads();
    leading.reset();
    arm_election_timer();
  }
  if (term > current_term()) {
    hard.current_term = term;
    hard.has_voted = false;
    hard.voted_for = {};
  }
  role = Role::kFollower;
  leader = of_leader;
  granted.clear();
}

void Node::State::become_pre_candidate() {
  ENSURE(role != Role::kLeader);
  role = Role::kPreCandidate;
  leader.reset();
  granted.clear();
  arm_election_timer();
  request_votes({.term = current_term() + 1,
                 .last_log_index = log.last_index(),
                 .last_log_term = log.last_term(),
                 .pre_vote = true,
                 .leadership_transfer = false});
  count_votes();
}

void Node::State::become_candidate(bool transfer) {
  ENSURE(role != Role::kLeader);
  role = Role::kCandidate;
  leader.reset();
  granted.clear();
  ++hard.current_term;
  hard.has_voted = true;
  hard.voted_for = self();
  arm_election_timer();
  // Held back until our own vote is durable: a candidate that forgot it in a crash could vote for
  // another in the same term.
  request_votes({.term = current_term(),
                 .last_log_index = log.last_index(),
                 .last_log_term = log.last_term(),
                 .pre_vote = false,
                 .leadership_transfer = transfer});
}

void Node::State::become_leader() {
  ENSURE(role == Role::kCandidate);
  ENSURE(hard.has_voted && hard.voted_for == self());
  ENSURE(gate.is_durable(hard));
  ENSURE(reception.install == SnapshotReception::Install::kNone);
  drop_reception();
  role = Role::kLeader;
  leader = self();
  granted.clear();
  leading.emplace();
  leading->since = now;
  leading->heartbeat_due = now + options.heartbeat_interval;
  leading->uncommitted_bytes = log.bytes_between(commit_index(), log.last_index());
  refresh_followers();
  // Entries of earlier terms are never committed by counting (Raft 5.4.2), so that without this
  // no-op they, reads and membership changes might wait for the next client.
  leading->first_index = append_entry(EntryType::kNoop, {});
}

}  // namespace ticketd::raft
