#include <algorithm>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

using Install = SnapshotReception::Install;

void Node::State::check_invariants() const {
  gate.check_invariants(hard, log.last_index());
  ENSURE_LE(log.compacted().index, handed_out);
  ENSURE_LE(handed_out, gate.durable_index());
  ENSURE_LE(handed_out, commit_index());
  ENSURE_LE(commit_index(), log.last_index());
  ENSURE_LE(log.cached_first(), handed_out + 1);
  ENSURE_LE(log.last_term(), current_term());
  ENSURE_LE(committed_configuration().index, log.configuration().index);
  ENSURE_LE(outbox.held_count(), Outbox::kMaxHeld);
  ENSURE(hard.has_voted || hard.voted_for == MemberId{});

  ENSURE_EQ(role == Role::kLeader, leading.has_value());
  ENSURE_EQ(role == Role::kLeader, leader == self());
  const bool campaigns = role == Role::kPreCandidate || role == Role::kCandidate;
  ENSURE(campaigns || granted.empty());
  ENSURE(!campaigns || !leader);
  ENSURE(role != Role::kCandidate || hard.voted_for == self());
  if (leading) {
    check_leader();
  }

  const std::optional<SnapshotReception::File>& file = reception.file;
  if (file) {
    ENSURE_LE(file->staged_bytes, file->total_bytes);
    ENSURE_GT(file->mark.index, commit_index());
  }
  ENSURE(file || !reception.next_chunk);
  if (reception.install != Install::kNone) {
    ENSURE(role == Role::kFollower);
    ENSURE(file && file->staged_bytes == file->total_bytes);
  }
  ENSURE(reception.install != Install::kRunning || !gate.saving_entries());
}

void Node::State::check_leader() const {
  ENSURE(hard.voted_for == self());
  ENSURE_EQ(gate.durable_term(), current_term());
  ENSURE_EQ(log.last_term(), current_term());
  ENSURE_LE(leading->since, now);
  ENSURE_LE(leading->first_index, log.last_index());
  ENSURE(leading->first_index <= log.compacted().index ||
         log.matches(leading->first_index, current_term()));
  ENSURE_EQ(leading->self_votes, configuration().is_voter(self()));
  ENSURE_LE(leading->reads.size(), options.max_pending_reads);
  ENSURE(!reception.file);
  std::size_t voters = leading->self_votes ? 1 : 0;
  for (const Progress& follower : leading->followers) {
    check_follower(follower);
    voters += follower.voter ? 1u : 0u;
  }
  ENSURE_EQ(voters, configuration().voter_count());
}

void Node::State::check_follower(const Progress& follower) const {
  ENSURE(follower.id != self());
  ENSURE_LT(follower.match_index, follower.next_index);
  ENSURE_LE(follower.next_index, log.last_index() + 1);
  ENSURE_LE(follower.window.size(), options.max_inflight_appends);
  ENSURE(follower.state == ReplicationState::kReplicate || follower.window.empty());
  ENSURE(follower.state == ReplicationState::kSnapshot || !follower.snapshot.mark);
  ENSURE_LE(follower.snapshot.offset, follower.snapshot.total_bytes);
  ENSURE_LE(follower.round, leading->reads.round);
  std::size_t bytes = 0;
  Index before = follower.match_index;
  for (const Progress::InFlight& append : follower.window) {
    ENSURE_LT(before, append.last);
    before = append.last;
    bytes += append.bytes;
  }
  ENSURE_EQ(bytes, follower.window_bytes);
  // Whatever size the last append has, the window was not full before it.
  ENSURE(follower.window.empty() ||
         bytes - follower.window.back().bytes < options.max_inflight_bytes);
  ENSURE_LT(before, follower.next_index);
}

void Node::check_invariants() const { state_->check_invariants(); }

}  // namespace ticketd::raft
