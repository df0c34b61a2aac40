// Linearizable reads (thesis 6.4).
#include <vector>

#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

ReadId read(Stage& stage) {
  const Answer<ReadId> id = stage.node().read(stage.now());
  REQUIRE(id);
  return *id;
}

/// A leader of five at term 1 with index 1 committed.
Stage leader_of_five() {
  Start start;
  start.configuration = voters({1, 2, 3, 4, 5});
  Stage stage(start);
  stage.lead({2, 3});
  stage.sent.clear();
  return stage;
}

void answer(Stage& stage, std::uint64_t from, std::uint64_t round) {
  stage.receive(from, HeartbeatResponse{stage.node().current_term(), round});
}

TEST_CASE("a read is answered when a majority has answered a round begun after it") {
  Stage stage = leader_of_five();
  const ReadId id = read(stage);
  stage.carry_out();
  const std::uint64_t round = stage.take_one<HeartbeatRequest>(2).round;
  answer(stage, 2, round);
  CHECK(stage.reads.empty());
  answer(stage, 2, round);  // the same voter again
  CHECK(stage.reads.empty());
  answer(stage, 4, round);
  REQUIRE(stage.reads.size() == 1);
  CHECK(stage.reads[0].id == id);
  CHECK(stage.reads[0].index == Index(1));
}

TEST_CASE("a delayed answer to an earlier round confirms no later one") {
  Stage stage = leader_of_five();
  read(stage);
  stage.carry_out();
  const std::uint64_t first = stage.take_one<HeartbeatRequest>(2).round;
  answer(stage, 2, first);
  answer(stage, 3, first);
  REQUIRE(stage.reads.size() == 1);

  read(stage);
  stage.carry_out();
  const std::uint64_t second = stage.take<HeartbeatRequest>(2).back().round;
  CHECK(second > first);
  answer(stage, 4, first);
  answer(stage, 5, first);
  CHECK(stage.reads.size() == 1);
  answer(stage, 4, second);
  answer(stage, 5, second + 7);  // a round that was never begun
  CHECK(stage.reads.size() == 1);
  answer(stage, 5, second);
  CHECK(stage.reads.size() == 2);
}

TEST_CASE("one round serves all reads that came before it, and one is out at a time") {
  Stage stage = leader_of_five();
  read(stage);
  read(stage);
  stage.carry_out();
  const std::uint64_t first = stage.take_one<HeartbeatRequest>(2).round;
  read(stage);
  read(stage);
  read(stage);
  stage.carry_out();
  CHECK(stage.take<HeartbeatRequest>(2).empty());
  answer(stage, 2, first);
  answer(stage, 3, first);
  CHECK(stage.reads.size() == 2);
  const std::uint64_t second = stage.take_one<HeartbeatRequest>(2).round;  // at once, no timer
  answer(stage, 2, second);
  answer(stage, 3, second);
  CHECK(stage.reads.size() == 5);
}

TEST_CASE("a lost round goes again with the heartbeat") {
  Stage stage = leader_of_five();
  read(stage);
  stage.carry_out();
  const std::uint64_t round = stage.take_one<HeartbeatRequest>(2).round;
  stage.pass(stage.node().options().heartbeat_interval);
  CHECK(stage.take_one<HeartbeatRequest>(2).round == round);
}

TEST_CASE("answers of learners, and of an earlier reign, confirm nothing") {
  Start start;
  start.configuration = with_learner(voters({1, 2, 3}), 4);
  Stage stage(start);
  stage.lead({2, 3});
  read(stage);
  stage.carry_out();
  const std::uint64_t round = stage.take<HeartbeatRequest>(2).back().round;
  CHECK(round > 0);
  answer(stage, 4, round);
  stage.receive(2, HeartbeatResponse{Term(0), round});
  CHECK(stage.reads.empty());
  answer(stage, 2, round);
  CHECK(stage.reads.size() == 1);
}

TEST_CASE("reads are refused until the leader has committed an entry of its own term") {
  Start start = at_term(1);
  start.log = entries(1, {1, 1});
  Stage stage(start);
  CHECK(stage.node().read(stage.now()).refusal() == Refusal::kNotLeader);
  stage.elect({2, 3});
  stage.receive(2, stored(2, 2));
  CHECK(stage.node().read(stage.now()).refusal() == Refusal::kNotReady);
  stage.receive(2, stored(2, 3));
  read(stage);
}

TEST_CASE("a read carries the commit index of its arrival") {
  Stage stage = leader_of_five();
  REQUIRE(stage.node().propose(stage.now(), "x"));
  stage.carry_out();
  read(stage);
  stage.carry_out();
  stage.acknowledge({2, 3});
  REQUIRE(stage.node().commit_index() == Index(2));
  read(stage);
  stage.carry_out();
  stage.answer_heartbeats({2, 3});
  stage.answer_heartbeats({2, 3});
  REQUIRE(stage.reads.size() == 2);
  CHECK(stage.reads[0].index == Index(1));
  CHECK(stage.reads[1].index == Index(2));
}

TEST_CASE("a single voter answers at once") {
  Start start;
  start.configuration = voters({1});
  Stage stage(start);
  stage.lead({});
  const ReadId id = read(stage);
  stage.carry_out();
  REQUIRE(stage.reads.size() == 1);
  CHECK(stage.reads[0].id == id);
}

TEST_CASE("reads are bounded") {
  Start start;
  start.options.max_pending_reads = 3;
  Stage stage(start);
  stage.lead({2, 3});
  read(stage);
  stage.carry_out();
  read(stage);
  read(stage);
  CHECK(stage.node().read(stage.now()).refusal() == Refusal::kBusy);
}

TEST_CASE("lost leadership answers every read that waits") {
  Stage stage = leader_of_five();
  read(stage);
  stage.carry_out();
  read(stage);
  SUBCASE("to a later term") { stage.receive(2, append(2, 1, 1)); }
  SUBCASE("for want of a majority") { stage.pass(stage.node().options().election_timeout_max); }
  REQUIRE(stage.reads.size() == 2);
  CHECK(!stage.reads[0].index);
  CHECK(!stage.reads[1].index);
}

TEST_CASE("a read during a transfer is answered by a round, never by trust in the past") {
  Stage stage = leader_of_five();
  REQUIRE(stage.node().transfer_leadership(stage.now(), member(2)));
  read(stage);
  stage.carry_out();
  CHECK(stage.reads.empty());
  // The target has been elected meanwhile: its voters answer with their new term.
  stage.receive(3, HeartbeatResponse{Term(2), 1});
  REQUIRE(stage.reads.size() == 1);
  CHECK(!stage.reads[0].index);
}

}  // namespace
}  // namespace ticketd::raft::testing
