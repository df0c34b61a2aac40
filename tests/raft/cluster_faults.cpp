#include "tests/raft/cluster_faults.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ticketd::raft::cluster {

bool enough_live(Simulation& simulation, const Configuration& configuration,
                 std::optional<MemberId> also_lost, bool voters_only) {
  std::size_t live = 0;
  const std::vector<raft::Member>& members = configuration.members();
  for (const raft::Member& member : members) {
    const Server* server = simulation.find(member.id);
    const bool leaves = std::any_of(members.begin(), members.end(), [&](const raft::Member& other) {
      return other.replaces == member.id;
    });
    const bool counts = voters_only ? member.voter && !leaves : member.voter || member.promote;
    live += counts && member.id != also_lost && server != nullptr && !server->lost();
  }
  return live * 2 > members.size();
}

Faults::Faults(Simulation& simulation)
    : simulation_(simulation), random_(simulation.fault_random) {}

void Faults::begin() {
  const Micros interval = simulation_.knobs.fault_interval;
  simulation_.events.after(random_.between(1, 2 * interval), [this] {
    if (!simulation_.healed()) {
      strike();
      begin();
    }
  });
}

void Faults::strike() {
  constexpr std::pair<Class, void (Faults::*)()> kFaults[] = {
      {kCrashes, &Faults::crash_some}, {kPartitions, &Faults::partition},
      {kPauses, &Faults::pause},       {kHungDisks, &Faults::hang},
      {kWipes, &Faults::wipe},         {kUnreachable, &Faults::lose_connection}};
  std::vector<void (Faults::*)()> enabled;
  for (const auto& [fault_class, fault] : kFaults) {
    if (simulation_.plan.has(fault_class)) {
      enabled.push_back(fault);
    }
  }
  if (simulation_.plan.has(kPartitions) && simulation_.plan.has(kTransfers)) {
    enabled.push_back(&Faults::depose_unheard);
  }
  if (!enabled.empty()) {
    (this->*enabled[random_.below(enabled.size())])();
  }
}

// Some too short for an election, most long enough for one or two.
Micros Faults::span() {
  return random_.chance(1, 3) ? log_uniform(random_, 1'000, 200'000)
                              : random_.between(100'000, 2'500'000);
}

Server* Faults::pick() {
  const auto& servers = simulation_.servers();
  return servers[random_.below(servers.size())].get();
}

// The leader is where a fault hurts most.
Server* Faults::pick_up() {
  if (Server* leader = simulation_.leader(); leader != nullptr && random_.chance(1, 2)) {
    return leader;
  }
  Server* server = pick();
  return server->up() ? server : nullptr;
}

void Faults::crash_some() {
  const std::uint64_t kind = random_.below(8);
  for (const auto& server : simulation_.servers()) {
    if (kind == 0 || (kind == 1 && random_.chance(1, 2))) {
      crash_for_a_while(*server);
    }
  }
  if (Server* server = pick_up(); kind > 1 && server != nullptr) {
    crash_for_a_while(*server);
  }
}

void Faults::crash_for_a_while(Server& server) {
  if (!server.up()) {
    return;
  }
  server.crash();
  simulation_.events.after(span(), [this, &server] {
    if (!simulation_.is_removed(server.self()) || simulation_.knobs.ghosts) {
      server.start();
    }
  });
}

void Faults::partition() {
  const auto& servers = simulation_.servers();
  const std::uint64_t kind = random_.below(5);
  const Server* one = pick_up();
  std::vector<bool> left;
  for (const auto& server : servers) {
    left.push_back(kind < 2 ? server.get() == one : random_.chance(1, 2));
  }
  const bool clogs = random_.chance(1, 3);
  const Micros length = span();
  const std::size_t bridge = random_.below(servers.size());  // still reaches both sides
  for (std::size_t a = 0; a < servers.size(); ++a) {
    for (std::size_t b = 0; b < servers.size(); ++b) {
      const bool crosses = left[a] != left[b];
      const bool one_way = kind == 1 || kind == 3;
      if (crosses && (!one_way || left[a]) && (kind != 4 || (a != bridge && b != bridge))) {
        cut(servers[a]->self(), servers[b]->self(), clogs, length);
      }
    }
  }
  simulation_.events.after(length, [this] { simulation_.network.heal(); });
}

// What is sent meanwhile is lost, or comes late: then it speaks of a time that is over.
void Faults::cut(MemberId from, MemberId to, bool clogs, Micros length) {
  if (clogs) {
    simulation_.network.clog(from, to, simulation_.events.now() + length);
  } else {
    simulation_.network.block(from, to);
  }
}

void Faults::pause() {
  if (Server* server = pick_up()) {
    server->pause(span());
  }
}

void Faults::hang() {
  if (Server* server = pick_up()) {
    server->hang_disk(span());
  }
}

// Only as many disks are lost as the cluster can bear: whatever change is pending anywhere.
void Faults::wipe() {
  Server* victim = pick();
  if (victim->lost() || simulation_.is_removed(victim->self())) {
    return;
  }
  for (const auto& server : simulation_.servers()) {
    if (server->lost()) {
      continue;
    }
    if (!enough_live(simulation_, server->newest_configuration(), victim->self(), true) &&
        server->newest_configuration().find(victim->self()) != nullptr) {
      return;
    }
    if (server->up() &&
        !enough_live(simulation_, server->node().committed_configuration().configuration,
                     victim->self(), true)) {
      return;
    }
  }
  ++simulation_.counts.wipes;
  victim->lose_disk();
}

// A leader hands over, and hears nothing of what comes of it, or of what it asked before, until
// later: the moment at which a stale answer would confirm a read.
void Faults::depose_unheard() {
  Server* leader = simulation_.leader();
  if (leader == nullptr) {
    return;
  }
  const Micros length = random_.between(20'000, 1'000'000);
  simulation_.events.after(random_.below(3000), [this, leader, length] {
    for (const auto& server : simulation_.servers()) {
      if (server.get() != leader && !simulation_.healed()) {
        cut(server->self(), leader->self(), true, length);
      }
    }
  });
  leader->call([this, leader](Node& node, Time now) {
    if (const Answer<ReadId> answer = node.read(now)) {
      simulation_.invariants.read_started(leader->self(), *answer, node.options());
    }
    node.transfer_leadership(now, std::nullopt);
  });
}

void Faults::lose_connection() {
  Server* server = pick_up();
  const Server* other = pick();
  if (server == nullptr || server == other) {
    return;
  }
  simulation_.invariants.unreachable(server->self(), other->self());
  server->call([other](Node& node, Time now) { node.unreachable(now, other->self()); });
}

}  // namespace ticketd::raft::cluster
