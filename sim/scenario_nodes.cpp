// The cluster of a scenario: its nodes, their disks and clocks, and what operators ask for.
#include <utility>

#include "sim/scenario_say.h"
#include "sim/scenario_text.h"
#include "sim/simulation.h"

namespace ticketd::sim {

namespace {

constexpr Micros kPatience = 10'000'000;
/// Between two attempts of a node that is to win an election: enough for one to be decided, and so
/// short that hardly another one is due before it.
constexpr Micros kAttempt = 2'500;
constexpr Micros kMillisecondsWrap = (Micros{1} << 32) * 1'000;
/// Short, so that who can reach whom is what the scenario says and not a matter of luck.
constexpr Micros kDialPatience = 4'000;
/// Seed of every scenario; one of those that allow sequences to be removed.
constexpr std::uint64_t kSeed = 4;

Knobs knobs_of(Arguments& arguments) {
  Knobs knobs;
  raft::Options& raft = knobs.raft;
  knobs.odd_ids = arguments.option("ids", "plain") == "extreme";
  knobs.log_tail = arguments.number("keep", knobs.log_tail);
  knobs.keys_max = arguments.number("keys", knobs.keys_max);
  knobs.request_timeout = arguments.as_span(arguments.option("patience", "5s"));
  raft.snapshot_chunk_bytes = arguments.number("chunk", raft.snapshot_chunk_bytes);
  raft.max_append_bytes = arguments.number("append-bytes", raft.max_append_bytes);
  raft.max_inflight_appends = arguments.number("inflight", raft.max_inflight_appends);
  raft.cache_bytes = arguments.number("cache-bytes", raft.cache_bytes);
  if (arguments.option("clocks", "plain") == "near-wrap") {
    knobs.clock_origin = kMillisecondsWrap - 2'000'000;
  }
  knobs.dial_patience = kDialPatience;
  knobs.revives = false;
  return knobs;
}

/// One answer; an operator does not ask again. None: there was none.
std::optional<net::Reply> ask_once(Simulation& simulation, Process& asked, const net::Call& call) {
  std::optional<net::Reply> answer;
  bool answered = false;
  simulation.network.client_call(asked, call, kPatience, [&](std::optional<net::Reply> reply) {
    answer = std::move(reply);
    answered = true;
  });
  require(simulation.run_until([&] { return answered; }, 2 * kPatience, 1),
          "an operator is given no answer");
  return answer;
}

}  // namespace

void Scenario::cluster(Arguments& arguments) {
  if (simulation_) arguments.wrong("there is one already");
  Plan plan;
  plan.calm = true;
  plan.seed = kSeed;
  plan.voters = static_cast<unsigned>(arguments.as_number(arguments.option("voters")));
  if (plan.voters < 1 || plan.voters > 9) arguments.wrong("voters= is 1 to 9");
  plan.clients = 0;
  const Knobs knobs = knobs_of(arguments);
  simulation_ = std::make_unique<Simulation>(plan, knobs, this);
  configuration_ = raft::Index(1);
}

void Scenario::run_for(Arguments& arguments) {
  simulation().run_for(arguments.as_span(arguments.word("a span")));
}

// --- Elections
// ------------------------------------------------------------------------------------

/// Its clock shows that its election time-out has ended.
void Scenario::make_due(Process& process) {
  if (!process.up() || process.replica().node().role() == raft::Role::kLeader) return;
  const raft::Time due = process.replica().node().next_deadline();
  const bool before = std::exchange(silent_, true);
  if (due > process.local_now()) process.jump_clock(due - process.local_now());
  silent_ = before;
}

/// Who leads that node, and can reach it, or nullptr.
Process* Scenario::followed_leader(const Process& process) {
  Process* leader = simulation().leader();
  if (leader == nullptr || leader == &process || !process.up()) return nullptr;
  const bool follows = process.replica().node().leader() == leader->platter().member();
  const bool reached = !simulation_->network.is_cut(leader->index(), process.index()) &&
                       !simulation_->network.is_cut(process.index(), leader->index());
  return follows && reached ? leader : nullptr;
}

void Scenario::elect(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  const bool unready = arguments.takes("unready");
  const auto elected = [&process, unready] {
    if (!process.up()) return false;
    const raft::Node& node = process.replica().node();
    return unready ? node.role() == raft::Role::kLeader : node.ready_to_serve();
  };
  const Micros end = simulation().events.now() + kPatience;
  // Whoever leads and is followed hands over; otherwise an election must be won.
  while (!elected()) {
    require(simulation_->events.now() < end, "node ", name_of(process), " does not win");
    if (Process* leader = followed_leader(process)) {
      ask_once(*simulation_, *leader, net::TransferCall{process.node_id()});
    } else {
      make_due(process);
    }
    simulation_->run_until(elected, kAttempt, 1);
  }
}

void Scenario::campaign(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  const Micros every = arguments.as_span(arguments.option("every", "5ms"));
  const Micros end = simulation().events.now() + arguments.as_span(arguments.option("for", "5ms"));
  while (simulation_->events.now() < end) {
    make_due(process);
    simulation_->run_for(every);
  }
}

// --- Life
// -----------------------------------------------------------------------------------------

void Scenario::crash(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  Fate fate = Fate::kLost;
  if (arguments.takes("keep-write")) {
    fate = Fate::kKept;
  } else if (arguments.takes("tear-write")) {
    fate = Fate::kTorn;
  } else {
    arguments.takes("lose-write");
  }
  const std::uint64_t torn = simulation().statistics.writes_torn;
  process.crash(fate);
  require(fate != Fate::kTorn || simulation().statistics.writes_torn > torn, "node ",
          name_of(process), " writes nothing that can be torn: it changes less than two sectors");
}

void Scenario::stop(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  process.stop();
  simulation().run_until([&] { return !process.up(); }, kPatience, 1);
  require(!process.up(), "node ", name_of(process), " does not stop");
}

void Scenario::start(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  if (process.up()) arguments.wrong("it runs");
  if (process.platter().member().incarnation == raft::Incarnation()) {
    arguments.wrong("its disk does not know who it is; let it join");
  }
  process.start();
}

void Scenario::wipe(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  if (process.up()) process.crash(Fate::kLost);
  simulation().operators.lost(process.platter().member());
  process.replace_disk();
}

void Scenario::pause(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  process.pause(arguments.as_span(arguments.word("a span")));
}

void Scenario::clock(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  process.jump_clock(arguments.as_span(arguments.word("a span")));
}

// --- Disks
// ----------------------------------------------------------------------------------------

void Scenario::hang(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  if (!process.up()) arguments.wrong("it is down");
  process.disk().hang_until(simulation().events.now() +
                            arguments.as_span(arguments.word("a span")));
}

void Scenario::fail_disk(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  if (!process.up()) arguments.wrong("it is down");
  using Failing = SimulatedFile::Failing;
  const bool writing = arguments.takes("write");
  if (!writing) arguments.takes("flush");
  process.disk().fail_next_job(writing ? Failing::kWrite : Failing::kSync);
}

void Scenario::space(Arguments& arguments) {
  Process& process = node(arguments, arguments.word("a node"));
  if (!process.up()) arguments.wrong("it is down");
  const std::string how = arguments.word("low, full or enough");
  if (how != "low" && how != "full" && how != "enough") arguments.wrong("low, full or enough");
  process.disk().set_space(how != "enough", how == "full");
}

void Scenario::keep(Arguments& arguments) {
  simulation().knobs.log_tail = arguments.as_number(arguments.word("a number of entries"));
}

// --- Operators
// ------------------------------------------------------------------------------------

Process& Scenario::asked_by_operator(Arguments& arguments) {
  if (arguments.has("at")) return node(arguments, arguments.option("at"));
  Process* leader = simulation().leader();
  if (leader == nullptr) arguments.wrong("nobody leads; say at=");
  return *leader;
}

void Scenario::join(Arguments& arguments) {
  const std::string name = arguments.word("a node");
  if (arguments.as_number(name) == simulation().processes().size() + 1) {
    simulation_->add_process(raft::NodeId(arguments.as_number(name)));
  }
  Process& joiner = node(arguments, name);
  if (joiner.up()) arguments.wrong("it runs");
  store::Identity& identity = joiner.platter().identity;
  if (identity.join_token == 0) identity.join_token = 1 + simulation_->owner_random.below(1 << 30);
  identity.replace = arguments.takes("replace");
  const net::JoinCall call{identity.node, identity.join_token, identity.replace, joiner.addresses(),
                           ticket::kCommandVersion};
  const auto reply = ask_once(*simulation_, asked_by_operator(arguments), call);
  say("join ", name, ": ", text_of(reply));
  const auto* joined = reply ? std::get_if<net::JoinReply>(&*reply) : nullptr;
  if (joined == nullptr) return;
  identity.incarnation = joined->self.incarnation;
  identity.cluster_id = joined->cluster_id;
  joiner.start();
}

void Scenario::remove(Arguments& arguments) {
  const std::string name = arguments.word("a node");
  const net::RemoveCall call{node(arguments, name).node_id(), std::nullopt};
  Process& asked = asked_by_operator(arguments);
  command(asked, call, arguments.takes("nowait"), "remove " + name);
}

void Scenario::transfer(Arguments& arguments) {
  net::TransferCall call;
  if (arguments.has("to")) call.target = node(arguments, arguments.option("to")).node_id();
  Process& asked = asked_by_operator(arguments);
  command(asked, call, arguments.takes("nowait"), "transfer");
}

void Scenario::command(Process& asked, const net::Call& call, bool nowait,
                       const std::string& name) {
  const auto answered = [this, name](const std::optional<net::Reply>& reply) {
    say(name, ": ", text_of(reply));
  };
  if (nowait) {
    simulation().network.client_call(asked, call, kPatience, answered);
  } else {
    answered(ask_once(simulation(), asked, call));
  }
}

}  // namespace ticketd::sim
