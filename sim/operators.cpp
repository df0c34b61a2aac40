#include "sim/operators.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sim/simulation.h"
#include "sim/violation.h"
#include "ticket/command.h"

namespace ticketd::sim {

namespace {

constexpr Micros kCallPatience = 7'000'000;
constexpr Micros kAskAgain = 1'000'000;

}  // namespace

Operators::Operators(Simulation& simulation)
    : simulation_(simulation), random_(simulation.owner_random) {}

void Operators::begin() {
  const FaultSet& faults = simulation_.plan.faults;
  if (!faults.has(Fault::kMembership) && !faults.has(Fault::kTransfers)) return;
  simulation_.events.after(random_.between(1, 2 * simulation_.knobs.operator_interval), [this] {
    if (simulation_.healed()) return;
    act();
    begin();
  });
}

void Operators::act() {
  std::vector<void (Operators::*)()> acts;
  if (simulation_.plan.faults.has(Fault::kMembership)) {
    acts = {&Operators::add_node, &Operators::remove_node, &Operators::move_node};
  }
  if (simulation_.plan.faults.has(Fault::kTransfers)) {
    acts.push_back(&Operators::transfer);
    acts.push_back(&Operators::transfer);
  }
  (this->*acts[random_.below(acts.size())])();
}

// --- Joining --------------------------------------------------------------------------------------

void Operators::join(Process& joiner, bool replace) {
  require(joiner.state() == Process::State::kDown, "a running process is to join");
  store::Identity& identity = joiner.platter().identity;
  identity.join_token = 1 + random_.below(~std::uint64_t{0} - 1);
  identity.replace = replace;
  simulation_.struck(Fault::kMembership, joiner);
  joiner.set_joining(true);
  simulation_.tell(joiner, "asks to join", replace ? " in place of its former self" : "");
  ask_admission(joiner.index(), {});
}

void Operators::restart(Process& process) {
  if (process.state() != Process::State::kDown || process.removed()) return;
  if (simulation_.minority.keeps_down(process)) return;
  const Platter& platter = process.platter();
  const bool admitted =
      platter.identity.incarnation.value != 0 && platter.last_index().value != 0;
  if (admitted) {
    ++simulation_.statistics.starts;
    process.start();
  } else if (platter.identity.join_token != 0) {
    process.set_joining(true);
    ask_admission(process.index(), {});
  }
}

Process* Operators::contact_at(const std::string& address) {
  std::vector<Process*> up;
  for (const auto& process : simulation_.processes()) {
    if (!process->up()) continue;
    if (process->address() == address) return process.get();
    up.push_back(process.get());
  }
  return up.empty() ? nullptr : up[random_.below(up.size())];
}

void Operators::later(std::uint32_t joiner, std::string contact) {
  simulation_.events.after(random_.between(kAskAgain / 2, kAskAgain),
                           [this, joiner, contact = std::move(contact)] {
                             ask_admission(joiner, contact);
                           });
}

void Operators::ask_admission(std::uint32_t index, std::string contact) {
  Process& joiner = simulation_.process(index);
  if (joiner.state() != Process::State::kJoining) return;
  Process* asked = contact_at(contact);
  if (asked == nullptr) return later(index, {});
  const store::Identity& identity = joiner.platter().identity;
  net::JoinCall call;
  call.node = identity.node;
  call.join_token = identity.join_token;
  call.replace = identity.replace;
  call.addresses = joiner.addresses();
  call.command_version = ticket::kCommandVersion;
  simulation_.network.client_call(
      *asked, call, kCallPatience,
      [this, index, token = identity.join_token](const std::optional<net::Reply>& reply) {
        Process& asker = simulation_.process(index);
        const bool still = asker.state() == Process::State::kJoining &&
                           asker.platter().identity.join_token == token;
        if (!still) return;
        if (!reply) return later(index, {});
        if (const auto* joined = std::get_if<net::JoinReply>(&*reply)) {
          return admitted(asker, *joined);
        }
        const auto& error = std::get<net::ErrorReply>(*reply);
        if (error.code == net::ErrorReply::Code::kRefused) return admission_refused(asker);
        if (!error.leader_peer_address.empty()) {
          return ask_admission(index, error.leader_peer_address);
        }
        later(index, {});
      });
}

void Operators::admitted(Process& joiner, const net::JoinReply& reply) {
  ++simulation_.statistics.joins;
  store::Identity& identity = joiner.platter().identity;
  // Only one that was removed before it had a single entry may come back as another.
  require(identity.incarnation.value == 0 || identity.incarnation == reply.self.incarnation ||
              !simulation_.is_member(joiner),
          "a joiner is given two incarnations for one token");
  identity.incarnation = reply.self.incarnation;
  identity.cluster_id = reply.cluster_id;
  joiner.start();
}

/// What was refused may be possible later: with a new token, as somebody who tries again.
void Operators::admission_refused(Process& joiner) {
  simulation_.tell(joiner, "is refused");
  refused_.insert(joiner.index());
  const bool replace = joiner.platter().identity.replace;
  joiner.set_joining(false);
  if (joiner.platter().identity.incarnation.value != 0) lost(joiner.platter().member());
  joiner.replace_disk();
  simulation_.events.after(random_.between(1, 5 * kAskAgain), [this, &joiner, replace] {
    const bool fresh = joiner.platter().identity.join_token == 0;
    if (joiner.state() == Process::State::kDown && fresh) join(joiner, replace);
  });
}

bool Operators::is_refused_for_good(const Process& joiner) const {
  const Golden& golden = simulation_.oracle.golden;
  const raft::Member* holder =
      golden.configuration(golden.last()).configuration.find_node(joiner.node_id());
  const store::Identity& identity = joiner.platter().identity;
  // One that is about to ask again has no token yet; nor has a founder.
  const bool another = holder != nullptr && (identity.join_token == 0 ||
                                             holder->join_token != identity.join_token);
  return refused_.contains(joiner.index()) && !identity.replace && another;
}

// --- Losing ---------------------------------------------------------------------------------------

bool Operators::enough_live(const raft::Configuration& configuration,
                            raft::MemberId also_lost) const {
  const std::vector<raft::Member>& members = configuration.members();
  std::size_t live = 0;
  for (const raft::Member& member : members) {
    const bool leaves = std::any_of(
        members.begin(), members.end(),
        [&](const raft::Member& other) { return other.replaces == member.id; });
    live += member.voter && !leaves && member.id != also_lost && !is_lost(member.id) &&
            !spared_.contains(member.id);
  }
  return live * 2 > members.size();
}

bool Operators::can_lose(raft::MemberId member) const {
  for (const auto& process : simulation_.processes()) {
    const raft::Configuration newest = process->platter().newest_configuration();
    if (newest.find(member) != nullptr && !enough_live(newest, member)) return false;
    if (!process->up()) continue;
    const raft::Node& node = process->replica().node();
    for (const raft::Configuration* known : {&node.configuration().configuration,
                                             &node.committed_configuration().configuration}) {
      if (known->find(member) != nullptr && !enough_live(*known, member)) return false;
    }
  }
  const raft::Configuration& golden =
      simulation_.oracle.golden.configuration(simulation_.oracle.golden.last()).configuration;
  return golden.find(member) == nullptr || enough_live(golden, member);
}

bool Operators::removes() const {
  return removed_at_ != 0 && simulation_.events.now() - removed_at_ < 2 * kCallPatience;
}

// --- Changes --------------------------------------------------------------------------------------

void Operators::add_node() {
  const auto& processes = simulation_.processes();
  // One that was removed comes back, with nothing of what it was.
  for (const auto& process : processes) {
    if (!process->removed() || process->state() != Process::State::kDown) continue;
    process->replace_disk();
    return join(*process, false);
  }
  if (processes.size() >= 9) return;
  join(simulation_.add_process(raft::NodeId(next_node_++)), false);
}

void Operators::remove_node() {
  const Process* leader = simulation_.leader();
  if (leader == nullptr) return;
  const raft::Configuration& configuration = leader->replica().node().configuration().configuration;
  if (configuration.voter_count() < 2) return;
  const auto& members = configuration.members();
  const raft::MemberId victim = members[random_.below(members.size())].id;
  if (!can_lose(victim)) return;
  ++simulation_.statistics.removals;
  for (const auto& process : simulation_.processes()) {
    if (process->platter().member() == victim) simulation_.struck(Fault::kMembership, *process);
  }
  removed_at_ = simulation_.events.now();
  net::RemoveCall call{victim.node, std::nullopt};
  if (random_.chance(1, 2)) call.incarnation = victim.incarnation;
  Process* asked = contact_at(random_.chance(1, 4) ? std::string() : leader->address());
  simulation_.network.client_call(*asked, call, kCallPatience, [](const auto&) {});
}

/// Does everybody know where everybody is? Two that moved and do not know it of each other could
/// not meet again without a third; one that lags behind may know nobody who is still there.
bool Operators::all_found() const {
  const Golden& golden = simulation_.oracle.golden;
  const raft::Configuration& now = golden.configuration(golden.last()).configuration;
  for (const auto& process : simulation_.processes()) {
    const raft::Member* member = now.find(process->platter().member());
    if (member == nullptr) continue;
    if (member->addresses.peer != process->address()) return false;
    if (process->platter().newest_configuration() != now) return false;
  }
  return true;
}

void Operators::move_node() {
  const auto& processes = simulation_.processes();
  Process& process = *processes[random_.below(processes.size())];
  if (!process.up() || !all_found()) return;
  ++simulation_.statistics.moves;
  simulation_.struck(Fault::kMembership, process);
  process.crash();
  process.move_to("10.0.1." + std::to_string(process.index()) + ":" +
                  std::to_string(1'000 + random_.below(60'000)));
  simulation_.events.after(random_.between(1'000, 1'000'000),
                           [this, &process] { restart(process); });
}

void Operators::transfer() {
  Process* leader = simulation_.leader();
  if (leader == nullptr) return;
  ++simulation_.statistics.transfers;
  simulation_.struck(Fault::kTransfers, *leader);
  net::TransferCall call;
  if (random_.chance(1, 2)) {
    const auto& members = leader->replica().node().configuration().configuration.members();
    call.target = members[random_.below(members.size())].id.node;
  }
  simulation_.network.client_call(*leader, call, kCallPatience, [](const auto&) {});
}

}  // namespace ticketd::sim
