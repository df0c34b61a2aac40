// ReadIndex (thesis 6.4).
#include <utility>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

Answer<ReadId> Node::State::read() {
  if (!leading) {
    return Refusal::kNotLeader;
  }
  // Before that, the commit index may lag behind what an earlier leader has acknowledged.
  if (commit_index() < leading->first_index) {
    return Refusal::kNotReady;
  }
  if (leading->reads.size() >= options.max_pending_reads) {
    return Refusal::kBusy;
  }
  ++last_read;
  leading->reads.waiting.push_back({last_read, commit_index()});
  return last_read;
}

/// Called from take_ready, so that reads that came together share a round.
void Node::State::begin_read_round() {
  ReadRounds& reads = leading->reads;
  if (!reads.in_round.empty() || reads.waiting.empty()) {
    return;
  }
  ++reads.round;
  std::swap(reads.in_round, reads.waiting);
  for (const Progress& follower : leading->followers) {
    if (follower.voter) {
      send_heartbeat(follower);
    }
  }
  confirm_read_round();
}

void Node::State::confirm_read_round() {
  ReadRounds& reads = leading->reads;
  const std::uint64_t answered =
      reached_by_majority(reads.round, [](const Progress& follower) { return follower.round; });
  if (reads.in_round.empty() || answered < reads.round) {
    return;
  }
  for (const ReadRounds::Waiting& waiting : reads.in_round) {
    read_answers.push_back({waiting.id, waiting.index});
  }
  reads.in_round.clear();
}

void Node::State::fail_reads() {
  for (const auto* queue : {&leading->reads.in_round, &leading->reads.waiting}) {
    for (const ReadRounds::Waiting& waiting : *queue) {
      read_answers.push_back({waiting.id, std::nullopt});
    }
  }
}

}  // namespace ticketd::raft
