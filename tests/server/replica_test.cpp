#include "server/replica.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/server/cluster.h"

namespace ticketd::server::testing {
namespace {

using ticket::NotDone;
using ticket::Done;

TEST_CASE("a cluster of one hands out tickets from 1") {
  Cluster cluster;
  cluster.bootstrap(9);
  CHECK(cluster.await_leader() == 9);
  for (std::uint64_t expected = 1; expected <= 3; ++expected) {
    const auto answer = cluster.take(9);
    REQUIRE(std::holds_alternative<Done>(answer));
    CHECK(std::get<Done>(answer).first == expected);
  }
  CHECK(std::get<Done>(cluster.take(9, 10)).first == 4);
  CHECK(std::get<Done>(cluster.take(9)).first == 14);
}

TEST_CASE("requests that wait together are one log entry") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const raft::Index before = cluster.at(leader).replica->node().last_index();
  std::vector<std::uint64_t> tickets;
  for (int i = 0; i < 50; ++i) {
    cluster.at(leader).replica->change({}, [&](const ticket::Answer& answer) {
      tickets.push_back(std::get<Done>(answer).first);
    });
  }
  REQUIRE(cluster.world.run_until([&] { return tickets.size() == 50; }));
  for (std::size_t i = 0; i < tickets.size(); ++i) CHECK(tickets[i] == i + 1);
  CHECK(cluster.at(leader).replica->node().last_index() == before + 1);
}

TEST_CASE("an acknowledged ticket survives the crash of all nodes, and is not given again") {
  Three cluster;
  std::uint64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    const std::uint64_t leader = cluster.await_leader();
    for (int i = 0; i < 20; ++i) {
      const auto answer = cluster.take(leader);
      REQUIRE(std::holds_alternative<Done>(answer));
      CHECK(std::get<Done>(answer).first == ++last);
    }
    for (const std::uint64_t id : {1u, 2u, 3u}) cluster.crash(id);
    for (const std::uint64_t id : {1u, 2u, 3u}) cluster.restart(id);
  }
  cluster.settle();
}

TEST_CASE("a killed leader is replaced within one second, and nothing is lost") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  CHECK(std::get<Done>(cluster.take(leader)).first == 1);
  cluster.crash(leader);
  const raft::Time killed = cluster.world.now();
  const std::uint64_t next = cluster.await_leader();
  CHECK(cluster.world.now() - killed < 1'000'000);
  CHECK(std::get<Done>(cluster.take(next)).first == 2);
}

TEST_CASE("a follower names the leader, takes nothing itself, and forwards") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t follower = cluster.follower();
  cluster.world.run_for(1'000'000);
  std::optional<ticket::LeaderView> view;
  cluster.at(follower).replica->find_leader([&](ticket::LeaderView v) { view = std::move(v); });
  REQUIRE(view.has_value());
  REQUIRE(std::holds_alternative<ticket::LeaderThere>(*view));
  CHECK(std::get<ticket::LeaderThere>(*view).http_address ==
        "http-" + cluster.at(leader).address);
  CHECK(is_unavailable(cluster.take(follower)));
  std::optional<ticket::Answer> forwarded;
  cluster.at(follower).replica->forward(
      ticket::Request{}, [&](ticket::Answer answer) { forwarded = std::move(answer); });
  REQUIRE(cluster.world.run_until([&] { return forwarded.has_value(); }));
  CHECK(std::get<Done>(*forwarded).first == 1);
}

TEST_CASE("a node without a leader says so within one election time-out") {
  Three cluster;
  const std::uint64_t follower = cluster.follower();
  for (const std::uint64_t id : {1u, 2u, 3u}) {
    if (id != follower) cluster.crash(id);
  }
  cluster.world.run_for(1'000'000);
  std::optional<ticket::LeaderView> view;
  const raft::Time asked = cluster.world.now();
  cluster.at(follower).replica->find_leader([&](ticket::LeaderView v) { view = std::move(v); });
  REQUIRE(cluster.world.run_until([&] { return view.has_value(); }));
  CHECK(std::holds_alternative<ticket::NoLeader>(*view));
  CHECK(cluster.world.now() - asked <= 500'000);
}

TEST_CASE("what was appended without a quorum is unknown, what came later is refused") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  for (const std::uint64_t id : {1u, 2u, 3u}) {
    if (id != leader) cluster.crash(id);
  }
  std::optional<ticket::Answer> first;
  cluster.at(leader).replica->change({}, [&](ticket::Answer a) { first = std::move(a); });
  cluster.world.run_for(600'000);
  CHECK(is_unavailable(cluster.take(leader)));
  REQUIRE(cluster.world.run_until([&] { return first.has_value(); }));
  CHECK(std::holds_alternative<ticket::Unknown>(*first));
}

TEST_CASE("an entry of a lost leadership that is committed after all is answered with its ticket") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  CHECK(std::get<Done>(cluster.take(leader)).first == 1);
  for (const std::uint64_t id : {1u, 2u, 3u}) {
    if (id != leader) cluster.crash(id);
  }
  std::optional<ticket::Answer> answer;
  cluster.at(leader).replica->change({}, [&](ticket::Answer a) { answer = std::move(a); });
  cluster.world.run_for(1'000'000);
  CHECK_FALSE(answer.has_value());
  // Its log is longer than that of the one that comes back, so it leads again.
  cluster.restart(leader == 1 ? 2 : 1);
  REQUIRE(cluster.world.run_until([&] { return answer.has_value(); }));
  REQUIRE(std::holds_alternative<Done>(*answer));
  CHECK(std::get<Done>(*answer).first == 2);
}

TEST_CASE("when one voter is low on space the leader takes nothing") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  cluster.at(cluster.follower()).disk->space_report().low = true;
  cluster.world.run_for(1'000'000);
  const auto answer = cluster.take(leader);
  REQUIRE(std::holds_alternative<NotDone>(answer));
  CHECK(std::get<NotDone>(answer).why == NotDone::Why::kNoSpace);
  cluster.at(cluster.follower()).disk->space_report().low = false;
  cluster.world.run_for(1'000'000);
  CHECK(std::holds_alternative<Done>(cluster.take(leader)));
}

TEST_CASE("a leader whose disk hangs is replaced") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  cluster.at(leader).disk->hang();
  cluster.at(leader).replica->change({}, [](const ticket::Answer&) {});
  REQUIRE(cluster.world.run_until([&] {
    return cluster.at(leader).replica->node().role() != raft::Role::kLeader;
  }));
  REQUIRE(cluster.world.run_until([&] {
    for (auto& [id, node] : cluster.nodes) {
      if (id != leader && node.replica->node().ready_to_serve()) return true;
    }
    return false;
  }));
}

TEST_CASE("a node that was away while the log was compacted gets a snapshot") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t victim = cluster.follower();
  cluster.crash(victim);
  for (int i = 0; i < 100; ++i) REQUIRE(std::holds_alternative<Done>(cluster.take(leader)));
  cluster.world.run_for(1'000'000);
  cluster.at(leader).disk->checkpoint(5);
  cluster.world.run_for(1'000);
  cluster.restart(victim);
  cluster.settle();
  CHECK(cluster.at(victim).replica->node().compacted_mark().index >
        cluster.at(victim).replica->node().configuration().index);
}

TEST_CASE("what is proposed and not committed is bounded; the rest waits, or is refused") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  Replica& replica = *cluster.at(leader).replica;
  for (const std::uint64_t id : {1u, 2u, 3u}) {
    if (id != leader) cluster.network.cut(raft::NodeId(id));
  }
  std::size_t answered = 0, busy = 0;
  const auto note = [&](const ticket::Answer& answer) {
    ++answered;
    const auto* refused = std::get_if<NotDone>(&answer);
    busy += refused != nullptr && refused->why == NotDone::Why::kBusy;
  };
  constexpr std::size_t kRound = 4'096, kRounds = 90, kRequests = kRound * kRounds;
  for (std::size_t i = 0; i < kRequests; ++i) {
    replica.change({}, note);
    if (i % kRound == kRound - 1) cluster.world.run_for(1'000);
    if (i % (10 * kRound) == 0) replica.check_invariants();
  }
  replica.check_invariants();
  CHECK(busy == kRequests - InFlight::kMaxHeld - RequestQueue::kMaxWaiting);
  REQUIRE(cluster.world.run_until([&] { return answered == kRequests; }));
  cluster.network.heal();
  cluster.await_leader();
  CHECK(std::holds_alternative<Done>(cluster.take(cluster.await_leader())));
}

TEST_CASE("closing answers everything that waits") {
  Three cluster;
  const std::uint64_t leader = cluster.await_leader();
  int answers = 0;
  for (int i = 0; i < 10; ++i) {
    cluster.at(leader).replica->change({}, [&](const ticket::Answer&) { ++answers; });
  }
  cluster.world.run_for(50);
  cluster.at(leader).replica->change({}, [&](const ticket::Answer&) { ++answers; });
  cluster.at(leader).replica->close();
  CHECK(answers == 11);
  cluster.at(leader).replica->find_leader([&](const ticket::LeaderView&) { ++answers; });
  CHECK(answers == 12);
}

}  // namespace
}  // namespace ticketd::server::testing
