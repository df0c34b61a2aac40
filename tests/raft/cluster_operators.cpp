// Membership changes and transfers, asked for at random, also of leaders that are none any more.
#include <algorithm>

#include "tests/raft/cluster_faults.h"

namespace ticketd::raft::cluster {
namespace {

/// A refusal changes nothing.
template <class Ask>
auto ask(Simulation& simulation, Node& node, Ask action) {
  const Index last = node.last_index();
  const ConfigurationAt configuration = node.configuration();
  auto answer = action();
  if (!answer && (node.last_index() != last || node.configuration() != configuration)) {
    std::ostringstream out;
    out << "seed " << simulation.plan.seed << ": member " << node.self() << " refuses ("
        << to_string(answer.refusal()) << ") and changes all the same";
    throw Violation(out.str());
  }
  return answer;
}

}  // namespace

Operators::Operators(Simulation& simulation)
    : simulation_(simulation), random_(simulation.load_random) {}

void Operators::begin() {
  const Micros interval = simulation_.knobs.fault_interval;
  simulation_.events.after(random_.between(1, 2 * interval), [this] {
    if (!simulation_.healed()) {
      act();
      begin();
    }
  });
}

void Operators::act() {
  const auto& servers = simulation_.servers();
  Server* server = simulation_.leader();
  if (server == nullptr || random_.chance(1, 4)) {
    server = servers[random_.below(servers.size())].get();
  }
  if (!server->up() || server->paused()) {
    return;
  }
  if (simulation_.plan.has(kTransfers) && random_.chance(1, 3)) {
    return transfer(*server);
  }
  if (!simulation_.plan.has(kMembership)) {
    return;
  }
  switch (random_.below(8)) {
    case 0:
    case 1:
      return add(*server);
    case 2:
    case 3:
      return replace(*server);
    case 4:
      return take_identity(*server);
    case 5:
      return change_addresses(*server);
    default:
      return remove(*server);
  }
}

void Operators::admit(Server& leader, const raft::Member& member, bool replaces) {
  leader.call([&](Node& node, Time now) {
    const auto answer =
        ask(simulation_, node, [&] { return node.add_learner(now, member, replaces); });
    if (!answer) {
      return;
    }
    if (answer->proposed.index == Index{0}) {
      // Asked again with its own token: the id it has.
      const raft::Member* known = node.configuration().configuration.find(answer->id);
      if (known == nullptr || known->join_token != member.join_token) {
        throw Violation("an admission is said to exist that does not");
      }
      return;
    }
    if (answer->id.incarnation.value != answer->proposed.index.value ||
        answer->id.node != member.id.node) {
      throw Violation("an incarnation is not the index of the entry that admits it");
    }
    simulation_.counts.replacements += replaces;
    simulation_.expect_admission(answer->proposed, answer->id);
  });
}

void Operators::add(Server& leader) {
  const Configuration& configuration = leader.newest_configuration();
  if (configuration.members().size() >= 9 || simulation_.servers().size() >= 20) {
    return;
  }
  raft::Member member;
  member.id.node = NodeId{next_node_++};
  member.promote = true;
  member.join_token = next_token_++;
  member.addresses.peer = "joiner";
  admit(leader, member, false);
  if (random_.chance(1, 4)) {
    admit(leader, member, false);  // It did not hear the answer.
  }
}

void Operators::replace(Server& leader) {
  const std::vector<raft::Member>& members = leader.newest_configuration().members();
  if (members.empty() || simulation_.servers().size() >= 20) {
    return;
  }
  // The lost ones first: that is what replacement is for.
  const auto lost = std::find_if(members.begin(), members.end(), [this](const raft::Member& m) {
    const Server* server = simulation_.find(m.id);
    return server != nullptr && server->lost();
  });
  const raft::Member& old = lost != members.end() ? *lost : members[random_.below(members.size())];
  raft::Member member;
  member.id.node = old.id.node;
  member.promote = true;
  member.join_token = next_token_++;
  member.addresses.peer = "replacement";
  admit(leader, member, true);
}

// A stranger that comes under the id of a member is refused.
void Operators::take_identity(Server& leader) {
  leader.call([&](Node& node, Time now) {
    const Configuration configuration = node.configuration().configuration;
    if (configuration.empty()) {
      return;
    }
    raft::Member member;
    member.id.node = configuration.members().front().id.node;
    member.join_token = next_token_++;
    member.addresses.peer = "stranger";
    if (ask(simulation_, node, [&] { return node.add_learner(now, member, false); })) {
      throw Violation("a stranger is admitted under the id of a member");
    }
  });
}

void Operators::remove(Server& leader) {
  const std::vector<raft::Member>& members = leader.newest_configuration().members();
  if (members.empty()) {
    return;
  }
  const MemberId id = members[random_.below(members.size())].id;
  const Configuration after = leader.newest_configuration().without(id);
  if (after.voter_count() > 0 && !enough_live(simulation_, after, std::nullopt, true)) {
    return;
  }
  leader.call([&](Node& node, Time now) {
    const bool last_voter = after.voter_count() == 0;
    const auto answer = ask(simulation_, node, [&] { return node.remove(now, id); });
    if (answer && last_voter) {
      throw Violation("the last voter is removed");
    }
  });
}

void Operators::change_addresses(Server& leader) {
  const std::vector<raft::Member>& members = leader.newest_configuration().members();
  if (members.empty()) {
    return;
  }
  const MemberId id = members[random_.below(members.size())].id;
  Addresses addresses;
  addresses.peer = "moved" + std::to_string(next_token_++);
  leader.call([&](Node& node, Time now) {
    ask(simulation_, node, [&] { return node.change_addresses(now, id, addresses); });
  });
}

void Operators::transfer(Server& leader) {
  std::optional<MemberId> target;
  const std::vector<raft::Member>& members = leader.newest_configuration().members();
  if (!members.empty() && random_.chance(1, 2)) {
    target = members[random_.below(members.size())].id;
  }
  leader.call([&](Node& node, Time now) {
    const auto answer =
        ask(simulation_, node, [&] { return node.transfer_leadership(now, target); });
    simulation_.counts.transfers += static_cast<bool>(answer);
    if (answer && !node.configuration().configuration.is_voter(*answer)) {
      throw Violation("leadership is handed to one that is not a voter");
    }
  });
}

bool Operators::mend(Server& leader) {
  const Configuration configuration = leader.newest_configuration();
  for (const raft::Member& member : configuration.members()) {
    const Server* server = simulation_.find(member.id);
    if (server != nullptr && server->lost()) {
      leader.call([&](Node& node, Time now) { node.remove(now, member.id); });
      return false;
    }
    const bool replaces = member.replaces && configuration.find(*member.replaces) != nullptr;
    if ((member.promote && !member.voter) || replaces) {
      return false;  // The leader goes on by itself.
    }
  }
  return true;
}

}  // namespace ticketd::raft::cluster
