// Single-server membership changes (thesis 4.1, 4.2).
#include <algorithm>

#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

Member joiner(std::uint64_t node, std::uint64_t token) {
  Member joining;
  joining.id.node = NodeId(node);
  joining.join_token = token;
  joining.addresses.peer = "host:" + std::to_string(node);
  return joining;
}

/// Admits it and lets the others agree.
MemberId admit(Stage& stage, Member joining, std::initializer_list<std::uint64_t> followers,
               bool replace = false) {
  const auto admitted = stage.node().add_learner(stage.now(), std::move(joining), replace);
  REQUIRE(admitted);
  stage.carry_out();
  stage.acknowledge(followers);
  REQUIRE(stage.node().committed_configuration().configuration.find(admitted->id));
  return admitted->id;
}

/// The learner has everything: it acknowledges the leader's last index.
void catch_up(Stage& stage, MemberId learner) {
  stage.receive_from(learner,
                     stored(stage.node().current_term().value, stage.node().last_index().value));
}

TEST_CASE("a joiner is admitted as a learner, and promoted when it has caught up") {
  Stage stage;
  stage.lead({2, 3});
  const MemberId id = admit(stage, joiner(4, 77), {2, 3});
  CHECK(id == MemberId{NodeId(4), Incarnation(2)});  // the index of the entry that admits it
  const Member* learner = stage.node().configuration().configuration.find(id);
  REQUIRE(learner);
  CHECK(!learner->voter);
  CHECK(learner->promote);
  CHECK(learner->join_token == 77);

  catch_up(stage, id);
  const Member* voter = stage.node().configuration().configuration.find(id);
  CHECK(voter->voter);
  CHECK(!voter->promote);
  CHECK(stage.node().configuration().configuration.quorum_size() == 3);
  stage.acknowledge({2, 3});
  CHECK(stage.node().committed_configuration() == stage.node().configuration());
}

TEST_CASE("a learner far behind is not promoted") {
  Stage stage;
  stage.lead({2, 3});
  const MemberId id = admit(stage, joiner(4, 77), {2, 3});
  for (int i = 0; i < 200; ++i) {
    REQUIRE(stage.node().propose(stage.now(), "x"));
  }
  stage.carry_out();
  stage.acknowledge({2, 3});
  stage.receive_from(id, stored(1, 10));
  CHECK(!stage.node().configuration().configuration.is_voter(id));
  stage.receive_from(id, stored(1, 190));
  CHECK(stage.node().configuration().configuration.is_voter(id));
}

TEST_CASE("a learner that lacks its own admission is not promoted, however short the log") {
  Stage stage;
  stage.lead({2, 3});
  const MemberId id = admit(stage, joiner(4, 77), {2, 3});
  stage.receive_from(id, stored(1, 1));
  CHECK(!stage.node().configuration().configuration.is_voter(id));
  stage.receive_from(id, stored(1, 2));
  CHECK(stage.node().configuration().configuration.is_voter(id));
}

TEST_CASE("the promotion stands in the log, so that any later leader completes it") {
  Stage stage;
  stage.lead({2, 3});
  const MemberId id = admit(stage, joiner(4, 77), {2, 3});
  Start start = stage.restart();
  start.self = 2;
  Stage next(start);
  next.lead({1, 3});
  catch_up(next, id);
  CHECK(next.node().configuration().configuration.is_voter(id));
}

TEST_CASE("asked again with the same token, a joiner gets the same incarnation") {
  Stage stage;
  stage.lead({2, 3});
  const auto first = stage.node().add_learner(stage.now(), joiner(4, 77), false);
  REQUIRE(first);
  stage.carry_out();
  // Not committed yet: the asker is told what to wait for.
  const auto second = stage.node().add_learner(stage.now(), joiner(4, 77), false);
  REQUIRE(second);
  CHECK(second->id == first->id);
  CHECK(second->proposed.index == first->proposed.index);
  stage.acknowledge({2, 3});
  const auto third = stage.node().add_learner(stage.now(), joiner(4, 77), false);
  REQUIRE(third);
  CHECK(third->id == first->id);
  CHECK(third->proposed.index == Index(0));
  CHECK(stage.node().last_index() == Index(2));
}

TEST_CASE("an id in use is refused, alive or silent") {
  Stage stage;
  stage.lead({2});
  for (const std::uint64_t node : {1U, 2U, 3U}) {
    CHECK(stage.node().add_learner(stage.now(), joiner(node, 77), false).refusal() ==
          Refusal::kIdInUse);
    CHECK(stage.node().add_learner(stage.now(), joiner(node, 0), false).refusal() ==
          Refusal::kIdInUse);
  }
}

TEST_CASE(
    "a replacement is admitted next to the old one, votes, and only then is the old removed") {
  Stage stage;
  stage.lead({2});
  const MemberId id = admit(stage, joiner(3, 77), {2}, true);
  CHECK(stage.node().configuration().configuration.members().size() == 4);
  CHECK(stage.node().configuration().configuration.is_voter(member(3)));
  catch_up(stage, id);
  CHECK(stage.node().configuration().configuration.voter_count() == 4);
  stage.acknowledge({2});
  CHECK(stage.node().configuration().configuration.find(member(3)));  // 2 of 4: not committed
  catch_up(stage, id);
  CHECK(!stage.node().configuration().configuration.find(member(3)));
  CHECK(stage.node().configuration().configuration.find(id)->replaces == std::nullopt);
  stage.acknowledge({2});
  CHECK(stage.node().committed_configuration().configuration.voter_count() == 3);
}

TEST_CASE("a replacement that was given up on can be replaced itself") {
  Stage stage;
  stage.lead({2});
  const MemberId lost = admit(stage, joiner(3, 77), {2}, true);
  const MemberId next = admit(stage, joiner(3, 78), {2}, true);
  const Configuration& configuration = stage.node().configuration().configuration;
  CHECK(!configuration.find(lost));
  REQUIRE(configuration.find(next));
  CHECK(configuration.find(next)->replaces == member(3));
}

TEST_CASE("a change is refused before an entry of the leader's own term is committed") {
  Start start = at_term(1);
  start.log = entries(1, {1});
  Stage stage(start);
  CHECK(stage.node().remove(stage.now(), member(3)).refusal() == Refusal::kNotLeader);
  stage.elect({2, 3});
  stage.receive(2, stored(2, 1));
  CHECK(stage.node().remove(stage.now(), member(3)).refusal() == Refusal::kNotReady);
  stage.receive(2, stored(2, 2));
  CHECK(stage.node().remove(stage.now(), member(3)));
}

TEST_CASE("one change at a time") {
  Start start;
  start.configuration = voters({1, 2, 3, 4, 5});
  Stage stage(start);
  stage.lead({2, 3, 4});
  REQUIRE(stage.node().remove(stage.now(), member(5)));
  CHECK(stage.node().remove(stage.now(), member(4)).refusal() == Refusal::kChangePending);
  CHECK(stage.node().add_learner(stage.now(), joiner(6, 7), false).refusal() ==
        Refusal::kChangePending);
  CHECK(stage.node().change_addresses(stage.now(), member(2), {"a:1", "", ""}).refusal() ==
        Refusal::kChangePending);
}

TEST_CASE("a change that inherits an uncommitted one waits for it") {
  Start start = at_term(1);
  start.configuration = voters({1, 2, 3, 4});
  start.log = {configuration_entry(1, 1, voters({1, 2, 3}))};
  Stage stage(start);
  stage.elect({2});  // by the uncommitted configuration: 2 of 3
  CHECK(stage.node().remove(stage.now(), member(3)).refusal() == Refusal::kNotReady);
  stage.acknowledge({2, 3});
  CHECK(stage.node().remove(stage.now(), member(3)));
}

TEST_CASE("a configuration counts from the moment it is appended") {
  Start start;
  start.configuration = voters({1, 2, 3, 4});
  Stage stage(start);
  stage.lead({2, 3});
  REQUIRE(stage.node().remove(stage.now(), member(4)));
  stage.carry_out();
  stage.receive(2, stored(1, 2));
  CHECK(stage.node().commit_index() == Index(2));  // 2 of 3, no longer 3 of 4
}

TEST_CASE("a configuration that is not committed is rolled back with its entry") {
  Stage stage;
  stage.receive(2, append(1, 0, 0, {configuration_entry(1, 1, voters({1, 2, 3, 4}))}));
  CHECK(stage.node().configuration().configuration == voters({1, 2, 3, 4}));
  CHECK(stage.node().committed_configuration().configuration == voters({1, 2, 3}));
  stage.receive(3, append(2, 0, 0, entries(1, {2})));
  CHECK(stage.node().configuration().configuration == voters({1, 2, 3}));
}

TEST_CASE("a restart knows the configuration in its log, committed or not") {
  Stage stage;
  stage.receive(2, append(1, 0, 0, {configuration_entry(1, 1, voters({1, 2, 3, 4, 5}))}));
  Stage again(stage.restart());
  CHECK(again.node().configuration().configuration == voters({1, 2, 3, 4, 5}));
  while (again.node().role() != Role::kPreCandidate) {
    again.pass_to_deadline();
  }
  CHECK(again.take<VoteRequest>().size() == 4);
}

TEST_CASE("a change whose majority is silent is refused") {
  Start start;
  start.configuration = voters({1, 2, 3, 4});
  Stage stage(start);
  stage.lead({2, 3});  // 4 is dead
  CHECK(stage.node().remove(stage.now(), member(4)));
  stage.carry_out();
  stage.acknowledge({2, 3});
  // Of {1, 2, 3} minus one live member, 3 goes silent:
  stage.pass_heard_by(stage.node().options().election_timeout_max, {2});
  CHECK(stage.node().remove(stage.now(), member(2)).refusal() == Refusal::kNoLiveQuorum);
  CHECK(stage.node().remove(stage.now(), member(3)));
}

TEST_CASE("a learner that caught up and fell silent is not promoted before it is heard again") {
  Stage stage;
  stage.lead({2, 3});
  const auto admitted = stage.node().add_learner(stage.now(), joiner(4, 77), false);
  REQUIRE(admitted);
  stage.carry_out();
  catch_up(stage, admitted->id);  // while its admission is not even committed
  stage.pass_heard_by(stage.node().options().election_timeout_max, {2, 3});
  stage.acknowledge({2, 3});
  REQUIRE(stage.node().committed_configuration().configuration.find(admitted->id));
  CHECK(!stage.node().configuration().configuration.is_voter(admitted->id));
  stage.receive_from(admitted->id, HeartbeatResponse{Term(1), 0});
  CHECK(stage.node().configuration().configuration.is_voter(admitted->id));
}

TEST_CASE("a member that is removed still learns of it") {
  Stage stage;
  stage.lead({2, 3});
  REQUIRE(stage.node().remove(stage.now(), member(3)));
  stage.carry_out();
  CHECK(stage.take<AppendRequest>(3).size() == 1);
  stage.receive(2, stored(1, 2));
  const AppendRequest last_word = stage.take_one<AppendRequest>(3);
  CHECK(last_word == append(1, 2, 1, {}, 2));
  CHECK(stage.node().followers(stage.now()).size() == 1);
  stage.pass_heard_by(stage.node().options().election_timeout_min, {2});
  CHECK(stage.take<HeartbeatRequest>(3).empty());
}

TEST_CASE("a leader that removes itself leads until that is committed, without counting itself") {
  Stage stage;
  stage.lead({2, 3});
  REQUIRE(stage.node().remove(stage.now(), member(1)));
  stage.carry_out();
  CHECK(stage.node().configuration().configuration == voters({2, 3}));
  stage.receive(2, stored(1, 2));
  CHECK(stage.node().role() == Role::kLeader);  // 1 of 2
  CHECK(stage.node().commit_index() == Index(1));
  stage.sent.clear();
  stage.receive(3, stored(1, 2));
  CHECK(stage.node().commit_index() == Index(2));
  CHECK(stage.node().role() == Role::kFollower);
  CHECK(stage.take_one<AppendRequest>(2).commit_index == Index(2));
  CHECK(stage.take_one<AppendRequest>(3).commit_index == Index(2));
  CHECK(stage.take<TimeoutNowRequest>().size() == 1);  // no need to wait for a time-out
  stage.pass(10 * stage.node().options().election_timeout_max);
  CHECK(stage.node().role() == Role::kFollower);
}

TEST_CASE("a removal through an isolated leader commits nothing") {
  Start start;
  start.configuration = voters({1, 2, 3, 4});
  Stage stage(start);
  stage.lead({2, 3});
  stage.pass(stage.node().options().election_timeout_max - 1);
  CHECK(stage.node().role() == Role::kLeader);
  // It has heard from 2 and 3 until a moment ago, so that it tries.
  REQUIRE(stage.node().remove(stage.now(), member(4)));
  stage.carry_out();
  stage.pass(1);
  CHECK(stage.node().role() != Role::kLeader);
  CHECK(stage.node().commit_index() == Index(1));
  CHECK(stage.node().configuration().configuration == voters({1, 2, 3}));
}

TEST_CASE("the last voter stays, unknown members are none") {
  Start start;
  start.configuration = with_learner(voters({1}), 2);
  Stage stage(start);
  stage.lead({});
  CHECK(stage.node().remove(stage.now(), member(1)).refusal() == Refusal::kLastVoter);
  CHECK(stage.node().remove(stage.now(), member(9)).refusal() == Refusal::kNoSuchMember);
  CHECK(stage.node().change_addresses(stage.now(), member(9), {}).refusal() ==
        Refusal::kNoSuchMember);
  CHECK(stage.node().remove(stage.now(), member(2)));
}

TEST_CASE("new addresses are a change like any other, the same ones are none") {
  Stage stage;
  stage.lead({2, 3});
  const Addresses addresses{"a:1", "b:2", "c:3"};
  const auto changed = stage.node().change_addresses(stage.now(), member(2), addresses);
  REQUIRE(changed);
  CHECK(changed->index == Index(2));
  stage.carry_out();
  stage.acknowledge({2, 3});
  CHECK(stage.node().committed_configuration().configuration.find(member(2))->addresses ==
        addresses);
  const auto again = stage.node().change_addresses(stage.now(), member(2), addresses);
  REQUIRE(again);
  CHECK(again->index == Index(0));
}

TEST_CASE("there is a bound on members") {
  Configuration configuration = voters({1});
  for (std::uint64_t node = 2; node <= Configuration::kMaxMembers; ++node) {
    configuration = with_learner(configuration, node);
  }
  Start start;
  start.configuration = configuration;
  Stage stage(start);
  stage.lead({});
  CHECK(stage.node().add_learner(stage.now(), joiner(99, 7), false).refusal() ==
        Refusal::kTooManyMembers);
}

TEST_CASE("a joiner that knows nothing follows a leader it does not know") {
  Start start;
  start.self = 4;
  start.configuration = {};
  Stage stage(start);
  CHECK(stage.node().configuration().configuration.empty());
  stage.receive(2, append(3, 5, 3, entries(6, {3})));
  CHECK(stage.node().leader() == member(2));
  CHECK(stage.take_one<AppendResponse>(2) ==
        AppendResponse{Term(3), false, Index(5), Index(0), Term(0)});
  stage.receive(2, append(3, 0, 0, {configuration_entry(1, 1, voters({1, 2, 3, 4}))}, 1));
  CHECK(stage.node().configuration().configuration == voters({1, 2, 3, 4}));
  CHECK(stage.applied.size() == 1);
}

}  // namespace
}  // namespace ticketd::raft::testing
