// Who is a member, and where: joins, removals, handing over, moves; over replicas in virtual time.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "tests/server/cluster.h"

namespace ticketd::server::testing {
namespace {

using ticket::Done;

TEST_CASE("an id in use is refused, join --replace takes it over, the old life ends") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t victim = cluster.follower();
  CHECK_FALSE(cluster.join(victim));
  cluster.crash(victim);
  REQUIRE(cluster.join(victim, true));
  REQUIRE(cluster.world.run_until([&] {
    const auto& members = cluster.at(leader).replica->node().committed_configuration();
    return members.configuration.members().size() == 3 && members.configuration.voter_count() == 3;
  }));
  CHECK(std::holds_alternative<Done>(cluster.take(leader)));
  cluster.settle();
}

TEST_CASE("a removed node learns it and ends; the cluster goes on") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t victim = cluster.follower();
  const auto reply = cluster.ask(leader, net::RemoveCall{raft::NodeId(victim), std::nullopt});
  CHECK(std::holds_alternative<net::DoneReply>(reply));
  REQUIRE(cluster.world.run_until([&] { return cluster.at(victim).ended.has_value(); }));
  CHECK(*cluster.at(victim).ended == End::kRemoved);
  CHECK(std::get<Done>(cluster.take(leader)).first == 1);
}

TEST_CASE("members come and go, however the list of configurations grows") {
  // A removal that finds that list full moves it, under whoever still holds a reference into it in
  // the same turn. Each life adds three: three beginnings meet every power of two.
  for (std::uint64_t others = 2; others <= 4; ++others) {
    Cluster cluster;
    cluster.bootstrap(1);
    for (std::uint64_t id = 2; id <= others; ++id) REQUIRE(cluster.join(id));
    const std::uint64_t leader = cluster.await_leader();
    const std::uint64_t victim = leader == 2 ? 1 : 2;
    for (int life = 0; life < 3; ++life) {
      const auto reply = cluster.ask(leader, net::RemoveCall{raft::NodeId(victim), std::nullopt});
      REQUIRE(std::holds_alternative<net::DoneReply>(reply));
      REQUIRE(cluster.world.run_until([&] { return cluster.at(victim).ended.has_value(); }));
      REQUIRE(cluster.join(victim));
    }
  }
}

TEST_CASE("a node that was away while it was removed is told on its return") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t victim = cluster.follower();
  cluster.crash(victim);
  cluster.ask(leader, net::RemoveCall{raft::NodeId(victim), std::nullopt});
  cluster.restart(victim);
  REQUIRE(cluster.world.run_until([&] { return cluster.at(victim).ended.has_value(); }));
  CHECK(*cluster.at(victim).ended == End::kRemoved);
}

TEST_CASE("a removal that would leave no live majority is refused, however fresh the other loss") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t victim = cluster.follower();
  const std::uint64_t other = 6 - leader - victim;
  cluster.world.run_for(1'000'000);
  cluster.crash(other);  // it was heard within this very heartbeat
  const auto reply = cluster.ask(leader, net::RemoveCall{raft::NodeId(victim), std::nullopt});
  REQUIRE(std::holds_alternative<net::ErrorReply>(reply));
  CHECK(std::get<net::ErrorReply>(reply).code == net::ErrorReply::Code::kRefused);
  CHECK(std::holds_alternative<Done>(cluster.take(leader)));
  cluster.restart(other);
  cluster.world.run_for(1'000'000);
  CHECK(std::holds_alternative<net::DoneReply>(
      cluster.ask(cluster.await_leader(), net::RemoveCall{raft::NodeId(victim), std::nullopt})));
}

TEST_CASE("the last voter is not removed") {
  Cluster cluster;
  cluster.bootstrap(1);
  cluster.await_leader();
  const auto reply = cluster.ask(1, net::RemoveCall{raft::NodeId(1), std::nullopt});
  REQUIRE(std::holds_alternative<net::ErrorReply>(reply));
  CHECK(std::get<net::ErrorReply>(reply).message.find("last voter") != std::string::npos);
}

TEST_CASE("a leader hands over before it is removed, and before it stops") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const auto reply = cluster.ask(leader, net::RemoveCall{raft::NodeId(leader), std::nullopt});
  REQUIRE(std::holds_alternative<net::ErrorReply>(reply));
  CHECK(std::get<net::ErrorReply>(reply).code == net::ErrorReply::Code::kBusy);
  REQUIRE(cluster.world.run_until(
      [&] { return cluster.at(leader).replica->node().role() != raft::Role::kLeader; }));
  const std::uint64_t next = cluster.await_leader();
  bool stopped = false;
  cluster.at(next).replica->shut_down([&] { stopped = true; });
  REQUIRE(cluster.world.run_until([&] { return stopped; }));
  CHECK(cluster.at(next).replica->node().role() != raft::Role::kLeader);
}

TEST_CASE("leadership goes where the operator wants it") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t target = cluster.follower();
  const auto reply = cluster.ask(leader, net::TransferCall{raft::NodeId(target)});
  REQUIRE(std::holds_alternative<net::DoneReply>(reply));
  CHECK(cluster.await_leader() == target);
  const auto unknown = cluster.ask(target, net::TransferCall{raft::NodeId(55)});
  CHECK(std::get<net::ErrorReply>(unknown).code == net::ErrorReply::Code::kRefused);
}

TEST_CASE("a member that comes back elsewhere has its new address committed") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t mover = cluster.follower();
  cluster.crash(mover);
  cluster.at(mover).address = "elsewhere:9";
  cluster.restart(mover);
  REQUIRE(cluster.world.run_until([&] {
    const auto& known = cluster.at(leader).replica->node().committed_configuration();
    const raft::Member* member = known.configuration.find_node(raft::NodeId(mover));
    return member->addresses.peer == "elsewhere:9";
  }));
}

TEST_CASE("a member that was away and moved finds a leader that it has never heard of") {
  Three cluster;
  const std::uint64_t mover = cluster.follower();
  cluster.crash(mover);
  REQUIRE(cluster.join(4));
  cluster.ask(cluster.await_leader(), net::TransferCall{raft::NodeId(4)});
  REQUIRE(cluster.world.run_until([&] { return cluster.await_leader() == 4; }));
  cluster.at(mover).address = "elsewhere:9";
  cluster.restart(mover);
  REQUIRE(cluster.world.run_until([&] {
    const auto& known = cluster.at(4).replica->node().committed_configuration().configuration;
    return known.find_node(raft::NodeId(mover))->addresses.peer == "elsewhere:9";
  }));
  cluster.settle();
}

TEST_CASE("where members are is believed of one's own cluster, if it is no nonsense") {
  Three cluster;
  const std::uint64_t alone = cluster.follower();
  for (const std::uint64_t other : {1U, 2U, 3U}) {
    if (other != alone) cluster.crash(other);
  }
  const raft::MemberId unknown{raft::NodeId(99), raft::Incarnation(99)};
  net::StatusReply told;
  told.configuration_index = raft::Index(1'000'000);
  told.members.resize(2);
  told.members[0].member.id = unknown;
  told.members[0].member.addresses.peer = "node99:1";
  told.members[1].member.id.node = raft::NodeId(98);
  told.members[1].member.addresses.peer = "no address";
  const auto dialed = [&] {
    cluster.network.status = told;
    cluster.world.run_for(3'000'000);
    return cluster.at(alone).transport->peers();
  };
  told.cluster_id = cluster.cluster_id + 1;
  CHECK(dialed().size() == 2);
  told.cluster_id = cluster.cluster_id;
  CHECK(dialed().size() == 3);
  CHECK(dialed().back() == net::Peer{unknown, "node99:1"});
  // Older than what this node knows.
  told.configuration_index = raft::Index(0);
  told.members[0].member.id.node = raft::NodeId(97);
  CHECK(dialed().size() == 3);
}

TEST_CASE("two that moved find each other by one that has no news of its own") {
  Three cluster;
  REQUIRE(cluster.join(4));
  REQUIRE(cluster.join(5));
  const std::uint64_t leader = cluster.await_leader();
  std::vector<std::uint64_t> others;
  for (const auto& [id, node] : cluster.nodes) {
    if (id != leader) others.push_back(id);
  }
  // Two of five are gone, and one of the others cannot lead: it is behind.
  const std::uint64_t behind = others[0];
  cluster.network.cut(raft::NodeId(behind));
  REQUIRE(std::holds_alternative<Done>(cluster.take(leader)));
  cluster.world.run_for(100'000);
  for (const std::uint64_t id : {leader, others[1], others[2], others[3]}) cluster.crash(id);
  cluster.network.heal();
  for (const std::uint64_t id : {others[1], others[2]}) {
    cluster.at(id).address = "elsewhere:" + std::to_string(id);
    cluster.restart(id);
  }
  CHECK(std::holds_alternative<Done>(cluster.take(cluster.await_leader())));
}

TEST_CASE("nobody moves by a greeting for chunks, which one of an earlier life may be") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const Replica& follower = *cluster.at(cluster.follower()).replica;
  net::Hello late;
  late.cluster_id = cluster.cluster_id;
  late.from = follower.options().raft.self;
  late.to = cluster.at(leader).replica->options().raft.self;
  late.addresses = {"before:1", "", ""};
  late.lane = net::Lane::kBulk;
  CHECK_FALSE(cluster.at(leader).replica->judge(late));
  const auto status = std::get<net::StatusReply>(cluster.ask(leader, net::StatusCall{}));
  const auto shown =
      std::find_if(status.members.begin(), status.members.end(),
                   [&](const net::MemberView& view) { return view.member.id == late.from; });
  REQUIRE(shown != status.members.end());
  CHECK(shown->member.addresses == follower.options().addresses);
}

TEST_CASE("the members are told by a linearizable read, by the leader only") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const auto reply = cluster.ask(leader, net::MembersCall{});
  REQUIRE(std::holds_alternative<net::MembersReply>(reply));
  CHECK(std::get<net::MembersReply>(reply).configuration.configuration.members().size() == 3);
  cluster.world.run_for(1'000'000);
  const auto other = cluster.ask(cluster.follower(), net::MembersCall{});
  REQUIRE(std::holds_alternative<net::ErrorReply>(other));
  CHECK(std::get<net::ErrorReply>(other).leader_peer_address == cluster.at(leader).address);
}

TEST_CASE("a volume that was lost and began a cluster of its own is told, and stops") {
  Three cluster;
  const std::uint64_t victim = cluster.follower();
  cluster.crash(victim);
  cluster.cluster_id = 78;
  cluster.bootstrap(victim);
  REQUIRE(cluster.world.run_until([&] { return cluster.at(victim).ended.has_value(); }));
  CHECK(*cluster.at(victim).ended == End::kForeignCluster);
  CHECK(is_unavailable(cluster.take(victim)));
}

TEST_CASE("who ends while requests are waited for is not kept busy by that") {
  Three cluster;
  const std::uint64_t alone = cluster.follower();
  cluster.crash(alone);
  cluster.network.cut(raft::NodeId(alone));
  cluster.cluster_id = 78;
  cluster.bootstrap(alone);
  Replica& replica = *cluster.at(alone).replica;
  REQUIRE(cluster.world.run_until([&] { return replica.node().ready_to_serve(); }));
  int answers = 0;
  const auto count = [&](const ticket::Answer&) { ++answers; };
  for (int i = 0; i < 2; ++i) replica.change({}, count);
  REQUIRE(cluster.world.run_until([&] { return answers == 2; }));
  // One of the two is back.
  replica.change({}, count);
  cluster.world.run_for(Gathering::kPatience / 2);
  REQUIRE(answers == 2);
  net::Hello hello;
  hello.cluster_id = 77;
  hello.to.node = raft::NodeId(alone);
  CHECK(replica.judge(hello).has_value());
  REQUIRE(cluster.at(alone).ended.has_value());
  cluster.world.run_for(1'000'000);
}

}  // namespace
}  // namespace ticketd::server::testing
