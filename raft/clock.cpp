// What happens by itself, with time.
#include <algorithm>

#include "raft/state.h"

namespace ticketd::raft {

Time Node::State::next_deadline() const {
  if (!leading) {
    return election_due;
  }
  Time next = std::min(leading->heartbeat_due, majority_heard_at() + options.election_timeout_max);
  if (const std::optional<Time> since = gate.outstanding_since()) {
    next = std::min(next, *since + options.election_timeout_max);
  }
  if (leading->transfer) {
    next = std::min(next, leading->transfer->gives_up_at);
  }
  for (const Progress& follower : leading->followers) {
    if (follower.snapshot.due) {
      next = std::min(next, *follower.snapshot.due);
    }
  }
  return next;
}

void Node::State::tick() {
  if (leading) {
    tick_leader();
  } else if (now >= election_due) {
    election_timed_out();
  }
}

void Node::State::tick_leader() {
  // CheckQuorum, and the same for the disk: who cannot commit must not stand in the way of who can.
  if (elapsed(majority_heard_at()) >= options.election_timeout_max || disk_hangs()) {
    become_follower(current_term(), std::nullopt);
    return;
  }
  if (leading->transfer && now >= leading->transfer->gives_up_at) {
    leading->transfer.reset();
  }
  if (now >= leading->heartbeat_due) {
    leading->heartbeat_due = now + options.heartbeat_interval;
    broadcast_heartbeat();
    confirm_read_round();  // a change of configuration may have made the answers suffice
    push_transfer();       // what was said before may be lost
  }
  for (Progress& follower : leading->followers) {
    if (follower.snapshot.due && now >= *follower.snapshot.due) {
      resend_chunk(follower);
    }
  }
}

}  // namespace ticketd::raft
