#include "tests/raft/cluster_load.h"

#include <vector>

namespace ticketd::raft::cluster {

Load::Load(Simulation& simulation) : simulation_(simulation), random_(simulation.load_random) {}

void Load::begin() {
  simulation_.events.after(random_.between(1, 2 * simulation_.knobs.request_interval), [this] {
    if (!simulation_.healed()) {
      burst();
      begin();
    }
  });
}

void Load::burst() {
  // Any that thinks it leads will do, also one that was deposed and has not heard of it.
  std::vector<Server*> choice;
  for (const auto& server : simulation_.servers()) {
    if (server->up() && server->node().role() == Role::kLeader) {
      choice.push_back(server.get());
    }
  }
  if (choice.empty() || random_.chance(1, 16)) {
    const auto& servers = simulation_.servers();
    choice.assign(1, servers[random_.below(servers.size())].get());
  }
  Server* const server = choice[random_.below(choice.size())];
  // One that was deposed must not answer reads any more: that is the hard thing to ask of it.
  const bool rivals = choice.size() > 1;
  const std::uint64_t requests = random_.between(1, simulation_.knobs.burst_max);
  for (std::uint64_t i = 0; i < requests; ++i) {
    if (random_.chance(1, 3) || (rivals && random_.chance(1, 2))) {
      read(*server);
    } else {
      propose(*server);
    }
  }
}

bool Load::propose(Server& server) {
  std::string command = std::to_string(next_command_++);
  command.append(log_uniform(random_, 0, simulation_.knobs.payload_max), '.');
  bool taken = false;
  server.call([&](Node& node, Time now) {
    const Index last = node.last_index();
    const Answer<Proposed> answer = node.propose(now, command);
    taken = static_cast<bool>(answer);
    if (answer) {
      simulation_.invariants.proposed(server.self(), *answer, command, node.options());
    } else if (node.last_index() != last) {
      throw Violation("a refused proposal stands in the log");
    } else {
      simulation_.counts.busy += answer.refusal() == Refusal::kBusy;
    }
  });
  return taken;
}

void Load::read(Server& server) {
  server.call([&](Node& node, Time now) {
    if (const Answer<ReadId> answer = node.read(now)) {
      simulation_.invariants.read_started(server.self(), *answer, node.options());
    }
  });
}

}  // namespace ticketd::raft::cluster
