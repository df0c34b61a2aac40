#include "raft/state.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ticketd::raft {

namespace {

// Members of a group draw different numbers also when all are given one seed.
std::uint64_t seed_of(const Options& options) {
  Random mixed(options.seed ^ (options.self.node.value * 0x9e3779b97f4a7c15));
  return mixed.next() ^ options.self.incarnation.value;
}

}  // namespace

Node::State::State(Options given, Restored restored, Time start)
    : options(std::move(given)),
      random(seed_of(options)),
      now(start),
      hard(restored.hard_state),
      log(restored.compacted, std::move(restored.term_starts), std::move(restored.configurations),
          restored.last_index, std::move(restored.entries)),
      gate(restored.hard_state, restored.last_index),
      handed_out(restored.applied_index),
      leader_heard_at(start) {
  ENSURE_LT(options.election_timeout_min, options.election_timeout_max);
  ENSURE_LT(options.heartbeat_interval, options.election_timeout_min);
  ENSURE_GT(options.max_inflight_appends, 0);
  ENSURE_GT(options.snapshot_chunk_bytes, 0);
  ENSURE_LE(hard.commit_index, log.last_index());
  ENSURE_LE(log.compacted().index, handed_out);
  ENSURE_LE(handed_out, log.last_index());
  ENSURE_LE(log.cached_first(), handed_out + 1);
  ENSURE_GE(hard.current_term, log.last_term());
  // The commit index on the disk is a hint that lags; what was applied was committed.
  hard.commit_index = std::max(hard.commit_index, handed_out);
  arm_election_timer();
  if (configuration().is_voter(self()) && configuration().voter_count() == 1) {
    election_due = now;  // there is nobody whose silence had to be waited for
  }
}

void Node::State::advance_clock(Time to) {
  ENSURE_LE(now, to);
  now = to;
}

Micros Node::State::elapsed(Time since) const {
  ENSURE_LE(since, now);
  return now - since;
}

bool Node::State::knows(MemberId member) const {
  return configuration().find(member) != nullptr ||
         committed_configuration().configuration.find(member) != nullptr;
}

bool Node::State::disk_hangs() const {
  const std::optional<Time> since = gate.outstanding_since();
  return since && elapsed(*since) >= options.election_timeout_max;
}

void Node::State::send(MemberId to, Message message, Index promised) {
  ENSURE(to != self());
  outbox.post(Envelope{self(), to, std::move(message)}, gate.needed(hard, promised));
}

}  // namespace ticketd::raft
