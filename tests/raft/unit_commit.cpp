// The commit rule (Raft 5.4.2) and what is handed out to be applied.
#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

void propose(Stage& stage) {
  REQUIRE(stage.node().propose(stage.now(), "x"));
  stage.carry_out();
}

TEST_CASE("an entry of an earlier term is never committed by counting (figure 8)") {
  Start start = at_term(3);
  start.configuration = voters({1, 2, 3, 4, 5});
  start.log = entries(1, {1, 2});
  Stage stage(start);
  stage.elect({2, 3});
  // Entry 2, of term 2, is on a majority now, and could still be overwritten by term 3.
  stage.receive(2, stored(4, 2));
  stage.receive(3, stored(4, 2));
  CHECK(stage.node().commit_index() == Index(0));
  stage.receive(2, stored(4, 3));
  stage.receive(3, stored(4, 3));
  CHECK(stage.node().commit_index() == Index(3));
  CHECK(stage.applied.size() == 3);
}

TEST_CASE("half of an even number of voters is no majority") {
  Start start;
  start.configuration = voters({1, 2, 3, 4});
  Stage stage(start);
  stage.elect({2, 3});
  stage.receive(2, stored(1, 1));
  CHECK(stage.node().commit_index() == Index(0));
  stage.receive(4, stored(1, 1));
  CHECK(stage.node().commit_index() == Index(1));
}

TEST_CASE("learners are not counted") {
  Start start;
  start.configuration = with_learner(with_learner(voters({1, 2, 3}), 4), 5);
  Stage stage(start);
  stage.elect({2});
  stage.receive(4, stored(1, 1));
  stage.receive(5, stored(1, 1));
  CHECK(stage.node().commit_index() == Index(0));
  stage.receive(3, stored(1, 1));
  CHECK(stage.node().commit_index() == Index(1));
}

TEST_CASE("the leader counts itself only for what its own disk holds") {
  Stage stage;
  stage.lead({2, 3});
  stage.stop_disk();
  propose(stage);
  stage.receive(2, stored(1, 2));
  CHECK(stage.node().commit_index() == Index(1));
  stage.confirm();
  CHECK(stage.node().commit_index() == Index(2));
}

TEST_CASE(
    "a majority of others commits without the leader, which applies when it is durable here") {
  Stage stage;
  stage.lead({2, 3});
  stage.stop_disk();
  propose(stage);
  stage.receive(2, stored(1, 2));
  stage.receive(3, stored(1, 2));
  CHECK(stage.node().commit_index() == Index(2));
  CHECK(stage.applied.size() == 1);
  CHECK(stage.node().applied_index() == Index(1));
  stage.confirm();
  CHECK(stage.applied.size() == 2);
}

TEST_CASE("a single voter acknowledges nothing before its own flush") {
  Start start;
  start.configuration = voters({1});
  Stage stage(start);
  stage.lead({});
  stage.stop_disk();
  propose(stage);
  CHECK(stage.node().commit_index() == Index(1));
  CHECK(stage.applied.size() == 1);
  stage.confirm();
  CHECK(stage.applied.size() == 2);
}

TEST_CASE("committed entries are handed out once each, in order and without a gap") {
  Stage stage;
  stage.lead({2, 3});
  for (int i = 0; i < 40; ++i) {
    for (int burst = 0; burst <= i % 5; ++burst) {
      REQUIRE(stage.node().propose(stage.now(), std::to_string(i)));
    }
    stage.carry_out();
    if (i % 3 == 0) {
      stage.acknowledge({2});
    }
  }
  stage.acknowledge({2});
  Index expected(1);
  for (const Entry& entry : stage.applied) {
    CHECK(entry.index == expected);
    ++expected;
  }
  CHECK(stage.applied.size() == stage.node().last_index().value);
}

TEST_CASE("what was applied before a restart is not handed out again, the rest is") {
  Start start = at_term(2);
  start.log = entries(1, {1, 1, 2, 2});
  start.applied = Index(2);
  start.hard_state.commit_index = Index(1);  // lags, as it may
  Stage stage(start);
  CHECK(stage.node().commit_index() == Index(2));
  stage.receive(2, append(2, 4, 2, {}, 4));
  REQUIRE(stage.applied.size() == 2);
  CHECK(stage.applied[0].index == Index(3));
}

}  // namespace
}  // namespace ticketd::raft::testing
