#include "tests/raft/cluster_network.h"

#include <algorithm>

#include "tests/raft/cluster_simulation.h"

namespace ticketd::raft::cluster {

namespace {

constexpr Micros kHealedDelayMax = 2000;

}  // namespace

void Network::send(const Envelope& envelope) {
  const Knobs& knobs = simulation_.knobs;
  Random& random = simulation_.network_random;
  if (blocked_.contains({envelope.from, envelope.to}) || forge(envelope)) {
    return;
  }
  if (simulation_.healed()) {
    carry(envelope, draw_delay());
    return;
  }
  if (random.chance(knobs.loss_permille, 1000)) {
    return;
  }
  carry(envelope, draw_delay());
  while (random.chance(knobs.duplicate_permille, 1000)) {
    carry(envelope, draw_delay());
  }
}

Micros Network::draw_delay() {
  const Knobs& knobs = simulation_.knobs;
  Random& random = simulation_.network_random;
  if (simulation_.healed()) {
    return random.between(100, kHealedDelayMax);
  }
  if (random.chance(knobs.long_delay_permille, 1000)) {
    return log_uniform(random, 10'000, 5'000'000);
  }
  return random.between(knobs.delay_min, knobs.delay_max);
}

void Network::carry(const Envelope& envelope, Micros delay) {
  if (simulation_.knobs.in_order && !simulation_.healed()) {
    Micros& last = last_arrival_[{envelope.from, envelope.to}];
    last = std::max(last, simulation_.events.now() + delay);
    delay = last - simulation_.events.now();
  }
  const auto clogged = clogged_.find({envelope.from, envelope.to});
  if (!simulation_.healed() && clogged != clogged_.end() &&
      clogged->second > simulation_.events.now()) {
    delay = std::max(delay, clogged->second - simulation_.events.now());
  }
  // What was long under way when the faults ended is lost: a late word of an old leader (above all
  // that one is to campaign at once) may still cost one election, and so would blur the liveness.
  const bool stale = !simulation_.healed() && delay > kHealedDelayMax;
  simulation_.events.after(delay, [this, envelope, stale] {
    if (blocked_.contains({envelope.from, envelope.to}) || (stale && simulation_.healed())) {
      return;
    }
    Random& random = simulation_.network_random;
    for (const auto& server : simulation_.servers()) {
      const bool addressed = server->self() == envelope.to;
      const bool misrouted = server->self().node == envelope.to.node && !simulation_.healed() &&
                             random.chance(simulation_.knobs.misroute_permille, 1000);
      if ((addressed || misrouted) && server->up()) {
        server->deliver(envelope);
      }
    }
  });
}

bool Network::forge(const Envelope& envelope) {
  const Broken broken = simulation_.plan.broken;
  Envelope answer{envelope.to, envelope.from, HeartbeatResponse{}};
  const auto* append = std::get_if<AppendRequest>(&envelope.message);
  const auto* vote = std::get_if<VoteRequest>(&envelope.message);
  if (broken == Broken::kForgesAppends && append != nullptr && !append->entries.empty()) {
    AppendResponse forged;
    forged.term = append->term;
    forged.success = true;
    forged.index = append->entries.back().index;
    answer.message = forged;
  } else if (broken == Broken::kForgesVotes && vote != nullptr) {
    answer.message = VoteResponse{vote->term, vote->pre_vote, true};
  } else {
    return false;
  }
  carry(answer, draw_delay());
  return true;
}

}  // namespace ticketd::raft::cluster
