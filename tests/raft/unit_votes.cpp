// Votes and terms (Raft 5.1, 5.2, 5.4.1).
#include <limits>

#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

Start with_log(Entries log, std::uint64_t term) {
  Start start = at_term(term);
  start.log = std::move(log);
  return start;
}

TEST_CASE("a vote goes to a candidate whose log is as good as ours") {
  Stage stage(with_log(entries(1, {1, 2}), 2));
  stage.receive(2, vote(3, 2, 2));
  CHECK(stage.take_one<VoteResponse>(2) == VoteResponse{Term(3), false, true});
}

TEST_CASE("a vote is refused when our log is newer") {
  Stage longer(with_log(entries(1, {1, 2}), 2));
  longer.receive(2, vote(3, 1, 2));
  CHECK(longer.take_one<VoteResponse>(2) == VoteResponse{Term(3), false, false});

  // A last entry of a later term beats any length.
  Stage later(with_log(entries(1, {1, 2}), 2));
  later.receive(2, vote(3, 9, 1));
  CHECK(later.take_one<VoteResponse>(2) == VoteResponse{Term(3), false, false});
}

TEST_CASE("a shorter log with a later last term wins the vote") {
  Stage stage(with_log(entries(1, {1, 1, 1}), 1));
  stage.receive(2, vote(3, 1, 2));
  CHECK(stage.take_one<VoteResponse>(2).granted);
}

TEST_CASE("one vote a term, and the same answer to a repeated request") {
  Stage stage;
  stage.receive(2, vote(1, 0, 0));
  CHECK(stage.take_one<VoteResponse>(2).granted);
  stage.receive(3, vote(1, 7, 1));
  CHECK(!stage.take_one<VoteResponse>(3).granted);
  stage.receive(2, vote(1, 0, 0));
  CHECK(stage.take_one<VoteResponse>(2).granted);
}

TEST_CASE("a term that has its leader needs no further vote") {
  Stage stage;
  stage.receive(2, append(1, 0, 0));
  stage.sent.clear();
  stage.receive(3, vote(1, 9, 0));
  CHECK(!stage.take_one<VoteResponse>(3).granted);
}

TEST_CASE("a restart remembers the vote and the term") {
  Stage stage;
  stage.receive(2, vote(5, 0, 0));
  Stage again(stage.restart());
  CHECK(again.node().current_term() == Term(5));
  again.receive(3, vote(5, 9, 4));
  CHECK(!again.take_one<VoteResponse>(3).granted);
  again.receive(2, vote(5, 0, 0));
  CHECK(again.take_one<VoteResponse>(2).granted);
}

TEST_CASE("term and vote are saved as one") {
  Stage stage;
  stage.receive(2, vote(5, 0, 0));
  REQUIRE(stage.saves.size() == 1);
  REQUIRE(stage.saves[0].hard_state);
  CHECK(*stage.saves[0].hard_state == HardState{Term(5), true, member(2), Index(0)});
}

TEST_CASE("a granted vote leaves only when it is durable") {
  Stage stage;
  stage.stop_disk();
  stage.receive(2, vote(1, 0, 0));
  CHECK(stage.sent.empty());
  stage.receive(2, vote(1, 0, 0));  // asked again: the same save still has to land
  CHECK(stage.sent.empty());
  stage.confirm();
  CHECK(stage.take<VoteResponse>(2).size() == 2);
}

TEST_CASE("a candidate asks for votes only when its own is durable") {
  Stage stage;
  stage.pass_to_deadline();
  stage.stop_disk();
  stage.take<VoteRequest>();
  stage.receive(2, VoteResponse{Term(1), true, true});
  REQUIRE(stage.node().role() == Role::kCandidate);
  CHECK(stage.sent.empty());
  REQUIRE(stage.saves.size() == 1);
  CHECK(*stage.saves[0].hard_state == HardState{Term(1), true, member(1), Index(0)});
  // Nor does it count its own vote before: a stray grant does not elect it.
  stage.receive(2, VoteResponse{Term(1), false, true});
  CHECK(stage.node().role() == Role::kCandidate);
  stage.confirm();
  CHECK(stage.node().role() == Role::kLeader);
}

TEST_CASE("node ids 0 and the largest are ids like any other") {
  for (const std::uint64_t id : {std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()}) {
    Start start;
    start.configuration = voters({1, 2, id});
    Stage stage(start);
    stage.receive(id, vote(1, 0, 0));
    CHECK(stage.take_one<VoteResponse>(id).granted);
    Stage again(stage.restart());
    again.receive(2, vote(1, 0, 0));
    CHECK(!again.take_one<VoteResponse>(2).granted);

    start.self = id;
    Stage self(start);
    self.lead({1});
    CHECK(self.node().leader() == member(id));
  }
}

TEST_CASE("a candidate that steps down in its own term keeps its vote") {
  Stage stage;
  stage.pass_to_deadline();
  stage.receive(2, VoteResponse{Term(1), true, true});
  REQUIRE(stage.node().role() == Role::kCandidate);
  stage.receive(3, append(1, 0, 0));
  CHECK(stage.node().role() == Role::kFollower);
  stage.take<VoteResponse>();
  stage.receive(2, vote(1, 9, 1));
  CHECK(!stage.take_one<VoteResponse>(2).granted);
}

TEST_CASE("a leader that steps down in its own term keeps its vote") {
  Stage stage;
  stage.lead({2});
  stage.pass(stage.node().options().election_timeout_max);
  REQUIRE(stage.node().role() != Role::kLeader);
  REQUIRE(stage.node().current_term() == Term(1));
  stage.receive(2, vote(1, 9, 1));
  CHECK(!stage.take_one<VoteResponse>(2).granted);
}

TEST_CASE("vote answers of an earlier term are not counted") {
  Stage stage;
  for (int campaign = 1; campaign <= 2; ++campaign) {
    while (stage.node().role() != Role::kPreCandidate) {
      stage.pass_to_deadline();
    }
    stage.receive(2, VoteResponse{stage.node().current_term() + 1, true, true});
  }
  REQUIRE(stage.node().role() == Role::kCandidate);
  REQUIRE(stage.node().current_term() == Term(2));
  stage.receive(2, VoteResponse{Term(1), false, true});
  CHECK(stage.node().role() == Role::kCandidate);
  stage.receive(2, VoteResponse{Term(2), false, true});
  CHECK(stage.node().role() == Role::kLeader);
}

TEST_CASE("rehearsal answers for a term that was not asked about are not counted") {
  Stage stage(at_term(4));
  stage.pass_to_deadline();
  stage.receive(2, VoteResponse{Term(4), true, true});
  stage.receive(2, VoteResponse{Term(9), true, true});
  CHECK(stage.node().role() == Role::kPreCandidate);
  CHECK(stage.node().current_term() == Term(4));
  stage.receive(2, VoteResponse{Term(5), true, true});
  CHECK(stage.node().role() == Role::kCandidate);
}

TEST_CASE("answers are counted once a voter, and only from voters") {
  Start start;
  start.configuration = with_learner(voters({1, 2, 3, 4, 5}), 6);
  Stage stage(start);
  stage.pass_to_deadline();
  for (const std::uint64_t from : {2U, 2U, 2U, 6U, 9U}) {
    stage.receive(from, VoteResponse{Term(1), true, true});
  }
  stage.receive_from({NodeId(3), Incarnation(7)}, VoteResponse{Term(1), true, true});
  CHECK(stage.node().role() == Role::kPreCandidate);
  stage.receive(3, VoteResponse{Term(1), true, true});
  CHECK(stage.node().role() == Role::kCandidate);
}

TEST_CASE("an old leader's requests do not lower the term and are answered with ours") {
  Stage stage(at_term(5));
  stage.receive(2, append(4, 0, 0, entries(1, {4})));
  stage.receive(2, HeartbeatRequest{Term(4), Index(0), 9});
  CHECK(stage.node().current_term() == Term(5));
  CHECK(stage.node().last_index() == Index(0));
  CHECK(!stage.node().leader());
  CHECK(stage.take_one<AppendResponse>(2).term == Term(5));
  CHECK(stage.take_one<HeartbeatResponse>(2).term == Term(5));
}

TEST_CASE("a leader steps down when any answer shows a later term") {
  const Message answers[] = {AppendResponse{Term(9), false, {}, {}, {}},
                             HeartbeatResponse{Term(9), 0}, VoteResponse{Term(9), false, false},
                             SnapshotResponse{Term(9), {}, 0, 0, false}};
  for (const Message& answer : answers) {
    Stage stage;
    stage.lead({2, 3});
    stage.receive(3, answer);
    CHECK(stage.node().role() == Role::kFollower);
    CHECK(stage.node().current_term() == Term(9));
  }
}

TEST_CASE("messages for another member, or another life of this node, are dropped") {
  Stage stage;
  stage.node().step(stage.now(), {member(2), {NodeId(1), Incarnation(2)}, append(5, 0, 0)});
  stage.node().step(stage.now(), {member(2), member(3), append(5, 0, 0)});
  CHECK(stage.node().current_term() == Term(0));
}

TEST_CASE("who is in no configuration we know cannot depose us by an answer") {
  Stage stage;
  stage.lead({2, 3});
  stage.receive(9, HeartbeatResponse{Term(7), 0});
  CHECK(stage.node().role() == Role::kLeader);
}

TEST_CASE("a voter answers candidates that are not in its configuration, which may lag") {
  Stage stage;
  stage.receive(9, vote(1, 0, 0));
  CHECK(stage.take_one<VoteResponse>(9).granted);
}

TEST_CASE("a node that does not know its cluster yet gives no vote") {
  Start start;
  start.configuration = {};
  Stage stage(start);
  stage.receive(2, vote(1, 0, 0));
  CHECK(!stage.take_one<VoteResponse>(2).granted);
}

TEST_CASE("two leaders in one term stop the process") {
  CHECK(stops_the_process([] {
    Stage stage;
    stage.receive(2, append(1, 0, 0));
    stage.receive(3, append(1, 0, 0));
  }));
  CHECK(stops_the_process([] {
    Stage stage;
    stage.lead({2});
    stage.receive(3, append(1, 0, 0));
  }));
}

}  // namespace
}  // namespace ticketd::raft::testing
