#include "sim/aftermath.h"

#include <algorithm>

#include "sim/probes.h"
#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

namespace {

/// What was under way when the faults ended is over by then: frames that a clog or a long delay
/// held back, jobs of a disk that hung, a crash in the last write and the start after it.
constexpr Micros kLatePenalty = 5'000'000;
/// Election time-outs to a leader then: one of silence, and split votes. Of 300 runs the longest
/// was 3.2, all included.
constexpr Micros kElections = 10;
/// Every client's answers: a request may run into its time-out (6 s at most) at one troubled node
/// after another. The longest of 300 runs, with the way to one state, was 30 s.
constexpr Micros kClientsBound = 60'000'000;
constexpr std::uint64_t kRequests = 3;
/// One state: joiners ask again now and then, and a chunk of a snapshot may have to be sent again,
/// twice, each time after its time-out.
constexpr Micros kConvergenceBound = 40'000'000;
/// Election time-outs without an election.
constexpr Micros kRest = 4;

}  // namespace

Aftermath::Aftermath(Simulation& simulation)
    : simulation_(simulation), healed_at_(simulation.events.now()) {}

void Aftermath::run() {
  await_leader();
  await_quiet();
  await_convergence();
  Probes(simulation_).run();
  await_rest();
}

bool Aftermath::leads_well() const {
  const Process* leader = simulation_.leader();
  return leader != nullptr && !simulation_.minority.holds(*leader);
}

bool Aftermath::serves_well() const {
  return leads_well() && simulation_.leader()->replica().node().ready_to_serve();
}

/// A healthy one, or one that commits, which a node in trouble may do now and then.
void Aftermath::await_leader() {
  Micros since = healed_at_;
  for (const auto& process : simulation_.processes()) {
    if (!simulation_.minority.holds(*process)) since = std::max(since, process->paused_until());
  }
  const raft::Index before = simulation_.oracle.golden.last();
  const auto commits = [&] { return simulation_.oracle.golden.last() > before; };
  const Micros bound = since - healed_at_ + kLatePenalty +
                       kElections * simulation_.knobs.raft.election_timeout_max;
  if (!simulation_.run_until([&] { return leads_well() || commits(); }, bound)) {
    fail("after the faults nobody leads within ", bound, " us:", unsettled());
  }
  simulation_.statistics.to_a_leader += simulation_.events.now() - healed_at_;
  const auto serves = [&] { return serves_well() || commits(); };
  if (simulation_.run_until(serves, kLatePenalty + catching_up())) return;
  if (somebody_installs() && simulation_.run_until(serves, to_converge())) return;
  fail("after the faults nobody serves:", unsettled());
}

/// Who leads commits at once, unless it has no majority before a follower has caught up: a removal
/// that is under way, or the minority in trouble, may leave only those that were behind.
bool Aftermath::somebody_installs() const {
  const Process* leader = simulation_.leader();
  if (leader == nullptr) return false;
  const auto followers = leader->replica().node().followers(leader->local_now());
  return std::any_of(followers.begin(), followers.end(), [](const raft::FollowerStatus& follower) {
    return follower.state == raft::ReplicationState::kSnapshot;
  });
}

/// Everybody is answered, then nobody asks any more.
void Aftermath::await_quiet() {
  Clients& clients = simulation_.clients;
  clients.ask_each_for(kRequests);
  // A table of keys that is full has room when the oldest reach their age, by whatever clock.
  const Micros bound = kClientsBound + simulation_.knobs.key_age_us * 5 / 4;
  if (!simulation_.run_until([&] { return clients.all_satisfied(); }, bound)) {
    fail("after the faults the cluster does not go on:", clients.unsatisfied(), unsettled());
  }
  clients.rest();
  require(simulation_.run_until([&] { return !clients.anybody_waits(); }, kClientsBound),
          "after the faults a request stays without an answer");
}

/// With limits of a few bytes a round trip may bring a follower one entry, for which its journal has
/// no room before a checkpoint; and a joiner lacks all.
Micros Aftermath::catching_up() const {
  const Knobs& knobs = simulation_.knobs;
  if (!simulation_.plan.faults.has(Fault::kTinyLimits)) return 0;
  const Micros round = 2 * knobs.delay_max + (4 + knobs.checkpoint_writes) * knobs.write_max +
                       4 * knobs.turn_delay_max;
  return simulation_.oracle.golden.last().value * round;
}

Micros Aftermath::to_converge() const {
  return kConvergenceBound + 2 * simulation_.knobs.raft.snapshot_chunk_timeout + catching_up();
}

void Aftermath::await_convergence() {
  if (!simulation_.run_until([this] { return unsettled().empty(); }, to_converge())) {
    fail("after the faults the nodes do not come to one state:", unsettled());
  }
}

/// A healthy leader stays: nodes in trouble disturb nobody, nor do those that were removed and
/// cannot be told.
void Aftermath::await_rest() {
  const Micros now = simulation_.events.now();
  if (now < healed_at_ + kLatePenalty) simulation_.run_for(healed_at_ + kLatePenalty - now);
  require(simulation_.run_until([this] { return serves_well(); }, kClientsBound),
          "nobody leads any more:", unsettled());
  const Process* leader = simulation_.leader();
  const raft::Term term = leader->replica().node().current_term();
  simulation_.run_for(kRest * simulation_.knobs.raft.election_timeout_max);
  const Process* later = simulation_.leader();
  require(later == leader && leader->replica().node().current_term() == term,
          "process ", leader->index(), " led in term ", term,
          " and nothing was wrong with it, but now ",
          later == nullptr ? std::string("nobody leads")
                           : "process " + std::to_string(later->index()) + " leads");
}

// --- One state, one membership --------------------------------------------------------------------

std::string Aftermath::unsettled() const {
  std::string text;
  for (const auto& process : simulation_.processes()) {
    if (simulation_.minority.holds(*process)) continue;
    if (const std::string what = unsettled(*process); !what.empty()) {
      text += " process " + std::to_string(process->index()) + " " + what + ";";
    }
  }
  return text;
}

std::string Aftermath::unsettled(const Process& process) const {
  const bool member = simulation_.is_member(process);
  if (!process.up()) {
    if (process.removed() || simulation_.operators.is_refused_for_good(process)) return {};
    if (member) return "is down";
    return process.state() == Process::State::kJoining ? "is not admitted" : "is down, no member";
  }
  if (member) return unsettled_member(process);
  return could_be_told(process) ? "was removed, and does not learn it" : "";
}

std::string Aftermath::unsettled_member(const Process& process) const {
  const Golden& golden = simulation_.oracle.golden;
  const raft::Index last = golden.last();
  const raft::Index applied = process.replica().summary().applied_index;
  if (applied != last) {
    const raft::Node& node = process.replica().node();
    if (!simulation_.is_found(process)) return {};
    return "(" + std::string(to_string(node.role())) + " in term " +
           std::to_string(node.current_term().value) + ") has applied " +
           std::to_string(applied.value) + " of " + std::to_string(last.value);
  }
  const raft::Configuration& now = golden.configuration(last).configuration;
  const raft::Member& self = *now.find(process.platter().member());
  if (self.promote && !self.voter) return "is not promoted";
  if (self.replaces && now.find(*self.replaces) != nullptr) {
    return "has not replaced its former self";
  }
  return {};
}

/// Is a member where this node, which is none, would dial it? Who knows only such as have moved or
/// left hears nothing, and is promised nothing.
bool Aftermath::could_be_told(const Process& process) const {
  const auto& others = simulation_.processes();
  return std::any_of(others.begin(), others.end(), [&](const auto& other) {
    return other->up() && !simulation_.minority.holds(*other) && simulation_.is_member(*other) &&
           knows_where(process, *other);
  });
}

}  // namespace ticketd::sim
