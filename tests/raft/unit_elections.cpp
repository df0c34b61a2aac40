// Elections, PreVote (thesis 9.6), CheckQuorum (thesis 6.2) and stickiness (thesis 4.2.3).
#include <algorithm>
#include <set>

#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

const Options kDefaults;

TEST_CASE("elections start after a silence of min up to max, drawn anew each time") {
  std::set<Micros> drawn;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Start start;
    start.options.seed = seed;
    Stage stage(start);
    for (int i = 0; i < 3; ++i) {
      const Micros wait = stage.node().next_deadline() - stage.now();
      CHECK(wait >= kDefaults.election_timeout_min);
      CHECK(wait < kDefaults.election_timeout_max);
      drawn.insert(wait);
      stage.pass_to_deadline();
    }
  }
  CHECK(drawn.size() > 80);
}

TEST_CASE("members with one seed draw different time-outs") {
  std::set<Micros> drawn;
  for (const std::uint64_t self : {1U, 2U, 3U}) {
    Start start;
    start.self = self;
    Stage stage(start);
    drawn.insert(stage.node().next_deadline() - stage.now());
  }
  CHECK(drawn.size() == 3);
}

TEST_CASE("a rehearsal changes neither term nor vote, and asks with the next term") {
  Start start = at_term(4);
  start.log = entries(1, {2, 3});
  Stage stage(start);
  stage.pass_to_deadline();
  CHECK(stage.node().role() == Role::kPreCandidate);
  CHECK(stage.node().current_term() == Term(4));
  CHECK(stage.saves.empty());
  CHECK(stage.take_one<VoteRequest>(2) == pre_vote(5, 2, 3));
  CHECK(stage.take_one<VoteRequest>(3) == pre_vote(5, 2, 3));
}

TEST_CASE("without a majority of rehearsal votes the term never grows") {
  Stage stage;
  stage.pass(20 * kDefaults.election_timeout_max);
  CHECK(stage.node().current_term() == Term(0));
}

TEST_CASE("a leader is elected, appends a no-op, and offers it to all") {
  Stage stage;
  stage.elect({3});
  CHECK(stage.node().leader() == member(1));
  for (const std::uint64_t to : {2U, 3U}) {
    const AppendRequest request = stage.take_one<AppendRequest>(to);
    REQUIRE(request.entries.size() == 1);
    CHECK(request.entries[0].type == EntryType::kNoop);
    CHECK(request.prev_log_index == Index(0));
  }
  CHECK(!stage.node().ready_to_serve());
  stage.receive(2, stored(1, 1));
  CHECK(stage.node().ready_to_serve());
}

TEST_CASE("a voter that hears a live leader refuses rehearsals and ignores candidates") {
  Stage stage;
  stage.receive(2, append(3, 0, 0));
  stage.sent.clear();
  stage.receive(3, pre_vote(4, 9, 3));
  CHECK(stage.take_one<VoteResponse>(3) == VoteResponse{Term(3), true, false});
  stage.receive(3, vote(4, 9, 3));
  CHECK(stage.sent.empty());
  CHECK(stage.node().current_term() == Term(3));
}

TEST_CASE("so does the leader itself while a majority answers it") {
  Stage stage;
  stage.lead({2, 3});
  stage.receive(3, vote(9, 9, 8));
  stage.receive(3, pre_vote(9, 9, 8));
  CHECK(stage.node().role() == Role::kLeader);
  CHECK(!stage.take_one<VoteResponse>(3).granted);
}

TEST_CASE("a granted rehearsal is no contact with the leader and puts nothing off") {
  Stage stage;
  const Time due = stage.node().next_deadline();
  stage.pass(200'000);
  stage.receive(3, pre_vote(1, 0, 0));
  CHECK(stage.take_one<VoteResponse>(3) == VoteResponse{Term(1), true, true});
  CHECK(stage.node().next_deadline() == due);
  CHECK(stage.node().current_term() == Term(0));
  CHECK(!stage.node().leader());
  // Nor does it use up the vote, or stand against another rehearsal.
  stage.receive(2, pre_vote(1, 0, 0));
  CHECK(stage.take_one<VoteResponse>(2).granted);
}

TEST_CASE("a granted vote puts our own election off") {
  Stage stage;
  stage.pass(200'000);
  stage.receive(3, vote(1, 0, 0));
  CHECK(stage.node().next_deadline() >= stage.now() + kDefaults.election_timeout_min);
}

TEST_CASE("a rehearsal from a lagging term is answered with ours, and the asker catches up") {
  Stage voter(at_term(5));
  voter.receive(2, pre_vote(5, 9, 4));
  const VoteResponse answer = voter.take_one<VoteResponse>(2);
  CHECK(answer == VoteResponse{Term(5), true, false});
  voter.receive(2, pre_vote(3, 9, 4));
  CHECK(voter.take_one<VoteResponse>(2) == answer);

  Start start = at_term(4);
  start.self = 2;
  start.log = entries(1, {4});
  Stage asker(start);
  asker.pass_to_deadline();
  asker.take<VoteRequest>();
  asker.receive(1, answer);
  CHECK(asker.node().current_term() == Term(5));
  asker.pass_to_deadline();
  CHECK(asker.take_one<VoteRequest>(1) == pre_vote(6, 1, 4));
  voter.receive(2, pre_vote(6, 1, 4));
  CHECK(voter.take_one<VoteResponse>(2).granted);
}

TEST_CASE("a node whose term is ahead of a live leader's makes it step down by its answer") {
  Stage ahead(at_term(8));
  ahead.receive(2, HeartbeatRequest{Term(7), Index(0), 1});
  const HeartbeatResponse answer = ahead.take_one<HeartbeatResponse>(2);
  Start start = at_term(6);
  start.self = 2;
  Stage leader(start);
  leader.lead({3});
  leader.receive(1, answer);
  CHECK(leader.node().role() == Role::kFollower);
  CHECK(leader.node().current_term() == Term(8));
}

TEST_CASE("a leader that hears no majority for the longest election time-out steps down") {
  Start start;
  start.configuration = voters({1, 2, 3, 4, 5});
  Stage stage(start);
  stage.lead({2, 3});
  // The old leader that reaches only the bridge node must not block those who reach each other.
  stage.pass_heard_by(kDefaults.election_timeout_max - kDefaults.heartbeat_interval, {2});
  CHECK(stage.node().role() == Role::kLeader);
  stage.pass_heard_by(kDefaults.heartbeat_interval, {2});
  CHECK(stage.node().role() != Role::kLeader);
  CHECK(!stage.node().leader());
}

TEST_CASE("a leader stays while a majority answers, learners not counted") {
  Start start;
  start.configuration = with_learner(voters({1, 2, 3}), 4);
  Stage stage(start);
  stage.lead({2, 3});
  stage.pass_heard_by(5 * kDefaults.election_timeout_max, {2});
  CHECK(stage.node().role() == Role::kLeader);
  stage.pass_heard_by(2 * kDefaults.election_timeout_max, {4});
  CHECK(stage.node().role() != Role::kLeader);
}

TEST_CASE("the bridge grants once its leader is silent, whatever it told others before") {
  Stage bridge;
  bridge.receive(2, append(3, 0, 0));
  bridge.pass(kDefaults.election_timeout_min - 1);
  bridge.sent.clear();
  bridge.receive(3, pre_vote(4, 0, 0));
  CHECK(!bridge.take_one<VoteResponse>(3).granted);
  bridge.pass(1);
  bridge.sent.clear();
  bridge.receive(3, pre_vote(4, 0, 0));
  CHECK(bridge.take_one<VoteResponse>(3).granted);
}

TEST_CASE("a learner never campaigns") {
  Start start;
  start.configuration = with_learner(voters({2, 3}), 1);
  Stage stage(start);
  stage.pass(10 * kDefaults.election_timeout_max);
  CHECK(stage.sent.empty());
  stage.receive(2, append(1, 0, 0));
  stage.sent.clear();
  stage.receive(2, TimeoutNowRequest{Term(1)});
  CHECK(stage.node().role() == Role::kFollower);
  CHECK(stage.sent.empty());
}

TEST_CASE("a learner that was promoted without knowing it yet gives its vote when asked") {
  Start start;
  start.configuration = with_learner(voters({2, 3}), 1);
  Stage stage(start);
  stage.receive(2, vote(1, 0, 0));
  CHECK(stage.take_one<VoteResponse>(2).granted);
}

TEST_CASE("a node outside the configuration never campaigns") {
  Start start;
  start.configuration = voters({2, 3, 4});
  Stage stage(start);
  stage.pass(10 * kDefaults.election_timeout_max);
  CHECK(stage.sent.empty());
}

TEST_CASE("a voter removed by a configuration that is not committed may have to campaign") {
  // {1, 2} becomes {2}, and only 1 has the entry: 2 cannot win, since 1's log is longer.
  Start start = at_term(1);
  start.configuration = voters({1, 2});
  start.log = entries(1, {1});
  start.log.push_back(configuration_entry(2, 1, voters({2})));
  start.hard_state.commit_index = Index(1);
  Stage stage(start);
  stage.elect({2});
  CHECK(stage.node().commit_index() == Index(1));
  // It does not count itself, commits what it carries, and goes.
  stage.acknowledge({2});
  CHECK(stage.node().commit_index() == Index(3));
  CHECK(stage.node().role() == Role::kFollower);
  stage.pass(10 * kDefaults.election_timeout_max);
  CHECK(stage.node().role() == Role::kFollower);
}

TEST_CASE("a single voter elects itself, but not before its vote is durable") {
  Start start;
  start.configuration = voters({1});
  Stage stage(start);
  stage.stop_disk();
  CHECK(stage.node().next_deadline() == stage.now());  // there is nobody to wait for
  stage.pass_to_deadline();
  CHECK(stage.node().role() == Role::kCandidate);
  stage.confirm();
  CHECK(stage.node().role() == Role::kLeader);
  CHECK(stage.node().commit_index() == Index(0));
  stage.confirm();
  CHECK(stage.node().commit_index() == Index(1));
}

TEST_CASE("a leader whose disk hangs steps down, and does not campaign before it moves") {
  Stage stage;
  stage.lead({2, 3});
  stage.stop_disk();
  REQUIRE(stage.node().propose(stage.now(), "x"));
  stage.carry_out();
  stage.pass_heard_by(kDefaults.election_timeout_max - kDefaults.heartbeat_interval, {2, 3});
  CHECK(stage.node().role() == Role::kLeader);
  stage.pass_heard_by(kDefaults.heartbeat_interval, {2, 3});
  CHECK(stage.node().role() == Role::kFollower);
  stage.sent.clear();
  stage.pass(10 * kDefaults.election_timeout_max);
  CHECK(stage.sent.empty());
  stage.run_disk();
  stage.pass(kDefaults.election_timeout_max);
  CHECK(stage.node().role() == Role::kPreCandidate);
}

}  // namespace
}  // namespace ticketd::raft::testing
