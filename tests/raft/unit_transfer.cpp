// Leadership transfer (thesis 3.10).
#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

TEST_CASE("a target that holds everything is told at once, and its election passes the leases") {
  Stage stage;
  stage.lead({2, 3});
  REQUIRE(stage.node().transfer_leadership(stage.now(), member(2)));
  stage.carry_out();
  const TimeoutNowRequest go = stage.take_one<TimeoutNowRequest>(2);
  CHECK(!stage.node().ready_to_serve());

  Start start;
  start.self = 2;
  Stage target(start);
  target.receive(1, append(1, 0, 0, stage.saves.back().entries));
  target.receive(1, go);
  CHECK(target.node().role() == Role::kCandidate);
  const VoteRequest request = target.take_one<VoteRequest>(1);
  CHECK(request == VoteRequest{Term(2), Index(1), Term(1), false, true});

  Start other;
  other.self = 3;
  Stage voter(other);
  voter.receive(1, append(1, 0, 0));  // hears a live leader
  voter.receive(2, request);
  CHECK(voter.take_one<VoteResponse>(2).granted);
  stage.receive(2, request);
  CHECK(stage.node().role() == Role::kFollower);
  CHECK(stage.take_one<VoteResponse>(2).granted);
}

TEST_CASE("proposals and changes wait, so that the target catches up under any load") {
  Stage stage;
  stage.lead({2, 3});
  REQUIRE(stage.node().propose(stage.now(), "x"));
  stage.carry_out();
  REQUIRE(stage.node().transfer_leadership(stage.now(), member(2)));
  CHECK(stage.node().propose(stage.now(), "y").refusal() == Refusal::kTransferring);
  CHECK(stage.node().remove(stage.now(), member(3)).refusal() == Refusal::kTransferring);
  stage.carry_out();
  CHECK(stage.take<TimeoutNowRequest>().empty());
  stage.acknowledge({2});
  CHECK(!stage.take<TimeoutNowRequest>(2).empty());
}

TEST_CASE("a lost word to the target is said again") {
  Stage stage;
  stage.lead({2, 3});
  REQUIRE(stage.node().transfer_leadership(stage.now(), member(2)));
  stage.carry_out();
  stage.take<TimeoutNowRequest>();
  stage.pass(stage.node().options().heartbeat_interval);
  CHECK(stage.take<TimeoutNowRequest>(2).size() == 1);
}

TEST_CASE("a transfer that does not come about is given up, and the leader leads on") {
  Stage stage;
  stage.lead({2, 3});
  REQUIRE(stage.node().transfer_leadership(stage.now(), member(2)));
  stage.pass_heard_by(stage.node().options().election_timeout_max, {3});
  CHECK(stage.node().role() == Role::kLeader);
  CHECK(stage.node().ready_to_serve());
  CHECK(stage.node().propose(stage.now(), "y"));
}

TEST_CASE("only a live voter that is not the leader can be a target") {
  Start start;
  start.configuration = with_learner(voters({1, 2, 3}), 4);
  Stage stage(start);
  CHECK(stage.node().transfer_leadership(stage.now(), member(2)).refusal() == Refusal::kNotLeader);
  stage.lead({2, 4});
  const auto refusal = [&stage](std::uint64_t target) {
    return stage.node().transfer_leadership(stage.now(), member(target)).refusal();
  };
  CHECK(refusal(1) == Refusal::kNoSuchMember);
  CHECK(refusal(4) == Refusal::kNoSuchMember);
  CHECK(refusal(9) == Refusal::kNoSuchMember);
  CHECK(refusal(3) == Refusal::kNoLiveQuorum);
  CHECK(stage.node().ready_to_serve());
}

TEST_CASE("with no target named, the live voter with the longest log is chosen") {
  Start start;
  start.configuration = with_learner(voters({1, 2, 3}), 4);
  Stage stage(start);
  stage.lead({2, 3, 4});
  REQUIRE(stage.node().propose(stage.now(), "x"));
  stage.carry_out();
  stage.acknowledge({3, 4});
  const Answer<MemberId> target = stage.node().transfer_leadership(stage.now(), std::nullopt);
  REQUIRE(target);
  CHECK(*target == member(3));
  // Asked again: the same answer; another target: one at a time.
  CHECK(*stage.node().transfer_leadership(stage.now(), member(3)) == member(3));
  CHECK(stage.node().transfer_leadership(stage.now(), member(2)).refusal() ==
        Refusal::kTransferring);
}

TEST_CASE("a late word to campaign, from a term that is over, is not followed") {
  Stage stage(at_term(5));
  stage.receive(2, TimeoutNowRequest{Term(4)});
  CHECK(stage.node().role() == Role::kFollower);
}

}  // namespace
}  // namespace ticketd::raft::testing
