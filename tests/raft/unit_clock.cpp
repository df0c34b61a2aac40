// Deadlines, and clocks that begin anywhere.
#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

TEST_CASE("a virtual clock may begin anywhere: elections, heartbeats and leases hold") {
  constexpr std::uint64_t kDay = 86'400'000'000;
  for (const std::uint64_t origin :
       {std::uint64_t{0}, std::uint64_t{1}, (std::uint64_t{1} << 31) * 1000 - 100'000,
        (std::uint64_t{1} << 32) * 1000 - 100'000, (std::uint64_t{1} << 32) - 100'000,
        (std::uint64_t{1} << 63) - 100'000, std::uint64_t{0} - kDay}) {
    Start start;
    start.now = Time(origin);
    Stage stage(start);
    stage.lead({2, 3});
    stage.pass_heard_by(3'000'000, {2, 3});
    CHECK(stage.node().role() == Role::kLeader);
    CHECK(stage.node().followers(stage.now())[0].last_heard == Micros{0});
    stage.pass(1'000'000);
    CHECK(stage.node().role() != Role::kLeader);
  }
}

TEST_CASE("a leader's next deadline is its heartbeat, and they come evenly") {
  Stage stage;
  stage.lead({2, 3});
  stage.sent.clear();
  const Micros interval = stage.node().options().heartbeat_interval;
  for (int i = 0; i < 4; ++i) {
    stage.pass(interval - 1);
    CHECK(stage.take<HeartbeatRequest>().empty());
    stage.pass(1);
    CHECK(stage.take<HeartbeatRequest>().size() == 2);
    stage.receive(2, HeartbeatResponse{Term(1), 0});
  }
}

TEST_CASE("a tick before the deadline does nothing, and one long after it is enough") {
  Stage stage;
  const Time due = stage.node().next_deadline();
  stage.node().tick(due - 1);
  CHECK(stage.node().role() == Role::kFollower);
  stage.node().tick(due + 3'600'000'000);  // the machine slept
  CHECK(stage.node().role() == Role::kPreCandidate);
  CHECK(stage.node().next_deadline() > due + 3'600'000'000);
}

TEST_CASE("a leader whose machine slept does not take itself for one any longer") {
  Stage stage;
  stage.lead({2, 3});
  stage.node().tick(stage.now() + 3'600'000'000);
  CHECK(stage.node().role() == Role::kFollower);
}

TEST_CASE("time that goes back is an error of the caller") {
  CHECK(stops_the_process([] {
    Stage stage;
    stage.node().tick(stage.now() - 1);
  }));
}

}  // namespace
}  // namespace ticketd::raft::testing
