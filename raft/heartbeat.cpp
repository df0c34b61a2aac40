// Heartbeats (Raft 5.2), which also carry read rounds (thesis 6.4), wake up replication after a
// loss, and tell the leader whether a majority still follows it (CheckQuorum, thesis 6.2).
#include <algorithm>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

void Node::State::send_heartbeat(const Progress& follower) {
  // What the follower holds beyond match_index may not be ours.
  send(follower.id, HeartbeatRequest{.term = current_term(),
                                     .commit_index = std::min(follower.match_index, commit_index()),
                                     .round = leading->reads.round});
}

void Node::State::broadcast_heartbeat() {
  for (const Progress& follower : leading->followers) {
    send_heartbeat(follower);
  }
}

void Node::State::handle(MemberId from, const HeartbeatRequest& request) {
  hear_leader(from);
  if (reception.install == SnapshotReception::Install::kNone) {
    // The leader counts on what we acknowledged as durable.
    ENSURE_MSG(request.commit_index <= log.last_index(),
               "entries that this node had acknowledged are gone from its log");
    commit_as_follower(request.commit_index);
  }
  send(from, HeartbeatResponse{.term = current_term(), .round = request.round});
}

void Node::State::handle(MemberId from, const HeartbeatResponse& response) {
  Progress* follower = hear_follower(from);
  if (follower == nullptr) {
    return;
  }
  if (follower->state == ReplicationState::kProbe && follower->paused &&
      elapsed(follower->changed_at) >= options.heartbeat_interval) {
    follower->paused = false;  // the probe or its answer was lost
  }
  if (follower->state == ReplicationState::kReplicate && !follower->window.empty() &&
      elapsed(follower->changed_at) >= options.election_timeout_min) {
    // It lives, and does not answer what is in flight.
    follower->become_probe(follower->match_index, now);
    follower->probe_empty = true;
  }
  if (response.round <= leading->reads.round) {
    follower->round = std::max(follower->round, response.round);
    confirm_read_round();
  }
}

Time Node::State::majority_heard_at() const {
  return reached_by_majority(now, [this](const Progress& follower) {
    return std::max(follower.heard_at.value_or(leading->since), leading->since);
  });
}

}  // namespace ticketd::raft
