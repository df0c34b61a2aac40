// Elections: Raft 5.2 and 5.4.1, PreVote of thesis 9.6, leader stickiness of thesis 4.2.3.
#include <algorithm>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

void Node::State::arm_election_timer() {
  election_due = now + options.election_timeout_min +
                 random.below(options.election_timeout_max - options.election_timeout_min);
}

void Node::State::election_timed_out() {
  if (may_campaign()) {
    become_pre_candidate();
  } else {
    become_follower(current_term(), std::nullopt);
    arm_election_timer();
  }
}

// A server that is no longer in its newest configuration has to campaign as long as that
// configuration is not committed: the servers that are in it may lack the very entry that says so,
// and then refuse each other's shorter logs (thesis 4.2.2).
bool Node::State::may_campaign() const {
  const bool leaving = log.configuration().index > commit_index() &&
                       committed_configuration().configuration.is_voter(self());
  return (configuration().is_voter(self()) || leaving) && !disk_hangs() &&
         reception.install == SnapshotReception::Install::kNone;
}

bool Node::State::hears_live_leader() const {
  if (!leader) {
    return false;
  }
  const Time heard = role == Role::kLeader ? majority_heard_at() : leader_heard_at;
  return elapsed(heard) < options.election_timeout_min;
}

void Node::State::request_votes(const VoteRequest& request) {
  for (const Member& member : configuration().members()) {
    if (member.voter && member.id != self()) {
      send(member.id, request);
    }
  }
}

bool Node::State::election_won() const {
  std::size_t votes = configuration().is_voter(self()) ? 1 : 0;
  for (const MemberId voter : granted) {
    votes += configuration().is_voter(voter) ? 1u : 0u;
  }
  return votes >= configuration().quorum_size();
}

void Node::State::count_votes() {
  if (role == Role::kPreCandidate && election_won()) {
    become_candidate(false);
  } else if (role == Role::kCandidate && gate.is_durable(hard) && election_won()) {
    become_leader();
  }
}

bool Node::State::grants(MemberId candidate, const VoteRequest& request) const {
  // A joiner that has not heard from its cluster cannot judge any log.
  if (configuration().empty() ||
      !log.is_up_to_date(request.last_log_index, request.last_log_term)) {
    return false;
  }
  if (request.pre_vote) {
    return request.term > current_term() && !hears_live_leader();
  }
  ENSURE_EQ(request.term, current_term());
  return hard.has_voted ? hard.voted_for == candidate : !leader;
}

void Node::State::handle(MemberId from, const VoteRequest& request) {
  const bool granted_now = grants(from, request);
  if (granted_now && !request.pre_vote) {
    // Only a real vote puts off our own election; a rehearsal changes nothing (thesis 9.6).
    if (role == Role::kPreCandidate) {
      become_follower(current_term(), std::nullopt);
    }
    hard.has_voted = true;
    hard.voted_for = from;
    arm_election_timer();
  }
  send(from, VoteResponse{.term = granted_now ? request.term : current_term(),
                          .pre_vote = request.pre_vote,
                          .granted = granted_now});
}

void Node::State::handle(MemberId from, const VoteResponse& response) {
  const Role asked = response.pre_vote ? Role::kPreCandidate : Role::kCandidate;
  const Term asked_term = response.pre_vote ? current_term() + 1 : current_term();
  if (role != asked || !response.granted || response.term != asked_term || !knows(from)) {
    return;
  }
  if (std::find(granted.begin(), granted.end(), from) == granted.end()) {
    granted.push_back(from);
  }
  count_votes();
}

}  // namespace ticketd::raft
