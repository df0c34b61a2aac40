#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "tests/server/cluster.h"

namespace ticketd::server::testing {
namespace {

using Code = net::ErrorReply::Code;

struct Two : Cluster {
  Two() {
    bootstrap(1);
    REQUIRE(join(2));
    REQUIRE(await_leader() == 1);
  }
  net::Reply await_voter(std::uint64_t asked, std::uint64_t node, const std::string& address) {
    std::optional<net::Reply> answer;
    at(asked).replica->await_voter(raft::NodeId(node), address,
                                   [&](net::Reply reply) { answer = std::move(reply); });
    REQUIRE(world.run_until([&] { return answer.has_value(); }));
    return *answer;
  }
  net::Reply remove(std::uint64_t node, const std::string& address, raft::Index expected) {
    std::optional<net::Reply> answer;
    at(1).replica->remove_server(raft::NodeId(node), address, expected,
                                 [&](net::Reply reply) { answer = std::move(reply); });
    REQUIRE(world.run_until([&] { return answer.has_value(); }));
    return *answer;
  }
  raft::Index newest_configuration() { return at(1).replica->node().configuration().index; }
  net::Reply make_snapshot(std::uint64_t asked) {
    std::optional<net::Reply> answer;
    at(asked).replica->make_snapshot([&](net::Reply reply) { answer = std::move(reply); });
    REQUIRE(world.run_until([&] { return answer.has_value(); }));
    return *answer;
  }
};

Code code_of(const net::Reply& reply) {
  REQUIRE(std::holds_alternative<net::ErrorReply>(reply));
  return std::get<net::ErrorReply>(reply).code;
}

/// Of somebody who is admitted and never seen.
net::JoinCall join_of(std::uint64_t node, const std::string& address) {
  net::JoinCall call;
  call.node = raft::NodeId(node);
  call.join_token = 17;
  call.addresses.peer = address;
  call.command_version = ticket::kCommandVersion;
  return call;
}

TEST_CASE("who is a voter already is one at once") {
  Two cluster;
  CHECK(std::holds_alternative<net::DoneReply>(cluster.await_voter(1, 2, cluster.at(2).address)));
}

TEST_CASE("nobody is waited for who does not wait at that address") {
  Two cluster;
  for (const auto& [node, address] :
       {std::pair(2ull, std::string("elsewhere:1")), std::pair(3ull, cluster.at(2).address)}) {
    const net::Reply reply = cluster.await_voter(1, node, address);
    CHECK(code_of(reply) == Code::kRefused);
    CHECK(std::get<net::ErrorReply>(reply).message ==
          "no node waits at " + address + "; start it with: ticketd join " + cluster.at(1).address +
              " --id " + std::to_string(node));
  }
}

TEST_CASE("a learner that does not catch up is waited for as long as a request may take") {
  Two cluster;
  REQUIRE(std::holds_alternative<net::JoinReply>(cluster.ask(1, join_of(3, "nobody:1"))));
  const raft::Time asked = cluster.world.now();
  CHECK(code_of(cluster.await_voter(1, 3, "nobody:1")) == Code::kBusy);
  CHECK(cluster.world.now() - asked <= 6'000'000);
}

TEST_CASE("a follower leaves it to the leader") {
  Two cluster;
  CHECK(code_of(cluster.await_voter(2, 1, cluster.at(1).address)) == Code::kNotLeader);
}

TEST_CASE("a member is removed only from the configuration that the asker knows") {
  Two cluster;
  REQUIRE(cluster.join(3));
  const raft::Index newest = cluster.newest_configuration();
  const net::Reply older = cluster.remove(3, "", newest - 1);
  CHECK(code_of(older) == Code::kRefused);
  CHECK(std::get<net::ErrorReply>(older).message ==
        "configuration changed since " + std::to_string(newest.value - 1) + " (latest is " +
            std::to_string(newest.value) + ")");
  CHECK(std::holds_alternative<net::DoneReply>(cluster.remove(3, cluster.at(3).address, newest)));
  CHECK(std::holds_alternative<net::DoneReply>(cluster.remove(2, "", raft::Index(0))));
}

TEST_CASE("a removal is refused when the configuration changes while it waits") {
  Two cluster;
  REQUIRE(cluster.join(3));
  const raft::Index newest = cluster.newest_configuration();
  Replica& replica = *cluster.at(1).replica;
  std::optional<net::Reply> removed;
  replica.remove_server(raft::NodeId(3), "", newest, [&](net::Reply reply) { removed = reply; });
  // It waits for a sign of life of member 2, and the other two commit a change.
  cluster.network.cut(raft::NodeId(2));
  REQUIRE(std::holds_alternative<net::JoinReply>(cluster.ask(1, join_of(4, "nobody:1"))));
  cluster.network.heal();
  REQUIRE(cluster.world.run_until([&] { return removed.has_value(); }));
  CHECK(code_of(*removed) == Code::kRefused);
  CHECK(std::get<net::ErrorReply>(*removed).message.starts_with("configuration changed since " +
                                                                std::to_string(newest.value)));
  CHECK(replica.node().configuration().configuration.find_node(raft::NodeId(3)) != nullptr);
}

TEST_CASE("a member is removed by the address that it is shown with, which it may have announced") {
  Two cluster;
  const std::string before = cluster.at(2).address;
  const raft::MemberId moved{raft::NodeId(2), cluster.at(2).platter->identity.incarnation};
  Replica& replica = *cluster.at(1).replica;
  net::Hello hello;
  hello.cluster_id = cluster.cluster_id;
  hello.from = moved;
  hello.to = replica.options().raft.self;
  hello.addresses.peer = "moved:1";
  hello.configuration_index = cluster.newest_configuration();
  REQUIRE_FALSE(replica.judge(hello).has_value());
  // The leader has not yet written it into the configuration.
  REQUIRE(replica.node().configuration().configuration.find(moved)->addresses.peer == before);
  const net::Reply reply = cluster.remove(2, before, raft::Index(0));
  CHECK(code_of(reply) == Code::kRefused);
  CHECK(std::get<net::ErrorReply>(reply).message == "member 2 is at moved:1, not at " + before);
  CHECK(std::holds_alternative<net::DoneReply>(cluster.remove(2, "moved:1", raft::Index(0))));
}

TEST_CASE("how long ago a leader was heard is known of one that is lost, too") {
  Two cluster;
  const auto contact = [&](std::uint64_t id) { return cluster.at(id).replica->last_contact(); };
  const raft::Micros timeout = cluster.at(2).replica->options().raft.election_timeout_max;
  CHECK(contact(1) == 0);
  REQUIRE(contact(2).has_value());
  CHECK(*contact(2) < timeout);

  cluster.crash(1);
  cluster.world.run_for(10 * timeout);
  REQUIRE_FALSE(cluster.at(2).replica->node().leader());
  REQUIRE(contact(2).has_value());
  CHECK(*contact(2) >= 9 * timeout);
  CHECK(*contact(2) <= 11 * timeout);

  cluster.crash(2);
  cluster.restart(2);
  CHECK_FALSE(contact(2));
  cluster.world.run_for(10 * timeout);
  CHECK_FALSE(contact(2));

  cluster.restart(1);
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t follower = 3 - leader;
  REQUIRE(cluster.world.run_until([&] { return contact(follower).has_value(); }));
  CHECK(*contact(follower) < timeout);
  // Without its follower it leaves office, and what it heard last was itself.
  cluster.crash(follower);
  const raft::Node& node = cluster.at(leader).replica->node();
  REQUIRE(cluster.world.run_until([&] { return node.role() != raft::Role::kLeader; }));
  REQUIRE(contact(leader).has_value());
  CHECK(*contact(leader) <= 2 * timeout);
}

TEST_CASE("any member makes a snapshot, once of a state") {
  Two cluster;
  cluster.take(1);
  cluster.world.run_for(1'000'000);
  for (const std::uint64_t node : {1u, 2u}) {
    const Replica& replica = *cluster.at(node).replica;
    CHECK(std::holds_alternative<net::DoneReply>(cluster.make_snapshot(node)));
    CHECK(replica.newest_snapshot().index == replica.summary().applied_index);
    const net::Reply again = cluster.make_snapshot(node);
    CHECK(code_of(again) == Code::kRefused);
    CHECK(std::get<net::ErrorReply>(again).message == "nothing new to snapshot");
  }
  cluster.take(1);
  CHECK(std::holds_alternative<net::DoneReply>(cluster.make_snapshot(1)));
}

TEST_CASE("a disk that makes no snapshot is waited for as long as a request may take") {
  Two cluster;
  cluster.take(1);
  cluster.at(2).disk->hang();
  CHECK(code_of(cluster.make_snapshot(2)) == Code::kBusy);
}

/// More than a container of waits has room for by chance.
constexpr int kMore = 50;

TEST_CASE("who is answered may ask for more at once, and nobody who waits is forgotten") {
  Two cluster;
  REQUIRE(std::holds_alternative<net::JoinReply>(cluster.ask(1, join_of(3, "nobody:1"))));
  Replica& replica = *cluster.at(1).replica;
  int voters = 0;
  int late = 0;
  const auto wait_in_vain = [&] {
    replica.await_voter(raft::NodeId(3), "nobody:1", [&](const net::Reply& reply) {
      CHECK(code_of(reply) == Code::kBusy);
      ++late;
    });
  };
  const auto await_two = [&](net::Responder respond) {
    replica.await_voter(raft::NodeId(2), cluster.at(2).address, std::move(respond));
  };
  wait_in_vain();
  await_two([&](const net::Reply&) {
    ++voters;
    for (int i = 0; i < kMore; ++i) await_two([&](const net::Reply&) { ++voters; });
  });
  wait_in_vain();
  CHECK(cluster.world.run_until([&] { return voters == 1 + kMore; }, 1'000'000));
  CHECK(late == 0);
  CHECK(cluster.world.run_until([&] { return late == 2; }));
  replica.check_invariants();
}

TEST_CASE("who is answered because the time ran out may ask for more at once") {
  Two cluster;
  cluster.take(1);
  cluster.at(2).disk->hang();
  Replica& replica = *cluster.at(2).replica;
  int answers = 0;
  int closing = 0;
  const auto ask = [&](net::Responder respond) { replica.make_snapshot(std::move(respond)); };
  for (int i = 0; i < 2; ++i) {
    ask([&](const net::Reply& reply) {
      CHECK(code_of(reply) == Code::kBusy);
      ++answers;
      for (int more = 0; more < kMore; ++more) {
        ask([&](const net::Reply&) {
          ++closing;
          ask([&](const net::Reply& last) { closing += code_of(last) == Code::kNoLeader ? 1 : 0; });
        });
      }
    });
  }
  REQUIRE(cluster.world.run_until([&] { return answers == 2; }));
  replica.close();
  CHECK(closing == 2 * 2 * kMore);
  bool stopped = false;
  replica.shut_down([&] { stopped = true; });
  CHECK(cluster.world.run_until([&] { return stopped; }));
}

TEST_CASE("closing answers whoever waits for a voter or a snapshot") {
  Two cluster;
  cluster.take(1);
  int answers = 0;
  Replica& replica = *cluster.at(1).replica;
  replica.make_snapshot([&](const net::Reply&) { ++answers; });
  replica.close();
  CHECK(answers == 1);
  replica.make_snapshot([&](const net::Reply&) { ++answers; });
  replica.await_voter(raft::NodeId(2), "a:1", [&](const net::Reply&) { ++answers; });
  CHECK(answers == 3);
  cluster.world.run_for(1'000'000);
  CHECK(answers == 3);
}

}  // namespace
}  // namespace ticketd::server::testing
