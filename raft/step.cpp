// The rules for terms (Raft 5.1), before any message is handled.
#include <utility>
#include <variant>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

namespace {

template <class T>
bool is(const Message& message) {
  return std::holds_alternative<T>(message);
}

bool is_response(const Message& message) {
  return is<VoteResponse>(message) || is<AppendResponse>(message) ||
         is<HeartbeatResponse>(message) || is<SnapshotResponse>(message);
}

}  // namespace

void Node::State::step(const Envelope& envelope) {
  const auto& [from, to, message] = envelope;
  if (to != self() || from == self()) {
    return;
  }
  const Term term = term_of(message);
  if (term < current_term()) {
    answer_older_term(from, message);
    return;
  }
  if (term > current_term() && !meet_newer_term(from, message)) {
    return;
  }
  std::visit([this, sender = from](const auto& typed) { handle(sender, typed); }, message);
}

/// Takes on the newer term unless the message must not have that power. Says whether the message
/// is to be handled further.
bool Node::State::meet_newer_term(MemberId from, const Message& message) {
  std::optional<MemberId> new_leader;
  if (const auto* request = std::get_if<VoteRequest>(&message)) {
    if (request->pre_vote) {
      return true;  // a question about a term that has not begun
    }
    if (!request->leadership_transfer && hears_live_leader()) {
      return false;  // whoever was removed or cut off cannot depose a working leader
    }
  } else if (const auto* response = std::get_if<VoteResponse>(&message);
             response != nullptr && response->pre_vote && response->granted) {
    return true;  // speaks of the term we asked about
  } else if (is_response(message)) {
    if (!knows(from)) {
      return false;  // we have asked nothing of it
    }
  } else {
    new_leader = from;  // the rest is said by leaders only
  }
  become_follower(term_of(message), new_leader);
  return true;
}

/// Whoever lags is told, so that an old leader steps down and an old candidate catches up. Without
/// this a node whose term is ahead could neither win (its rehearsals are refused while a leader is
/// heard) nor follow.
void Node::State::answer_older_term(MemberId from, const Message& message) {
  const Term term = current_term();
  if (const auto* vote = std::get_if<VoteRequest>(&message)) {
    send(from, VoteResponse{.term = term, .pre_vote = vote->pre_vote, .granted = false});
  } else if (const auto* append = std::get_if<AppendRequest>(&message)) {
    send(from, AppendResponse{.term = term,
                              .success = false,
                              .index = append->prev_log_index,
                              .conflict_index = {},
                              .conflict_term = {}});
  } else if (const auto* heartbeat = std::get_if<HeartbeatRequest>(&message)) {
    send(from, HeartbeatResponse{.term = term, .round = heartbeat->round});
  } else if (const auto* snapshot = std::get_if<SnapshotRequest>(&message)) {
    send(from, SnapshotResponse{.term = term,
                                .mark = snapshot->chunk.mark,
                                .file_id = snapshot->chunk.file_id,
                                .next_offset = 0,
                                .installed = false});
  }
}

/// A request that only the leader of our term can have sent.
void Node::State::hear_leader(MemberId from) {
  ENSURE_MSG(role != Role::kLeader, "another node leads in our own term");
  ENSURE_MSG(!leader || *leader == from, "two nodes lead in one term");
  if (role != Role::kFollower) {
    become_follower(current_term(), from);
  }
  leader = from;
  leader_heard_at = now;
  arm_election_timer();
}

/// An answer to this leader. None when we do not lead, or not that member.
Progress* Node::State::hear_follower(MemberId from) {
  Progress* follower = leading ? find_follower(from) : nullptr;
  if (follower == nullptr) {
    return nullptr;
  }
  follower->heard_at = now;
  if (std::exchange(follower->lost_contact, false) &&
      follower->state == ReplicationState::kSnapshot) {
    resend_chunk(*follower);
  }
  return follower;
}

}  // namespace ticketd::raft
