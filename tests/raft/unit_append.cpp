// AppendEntries as a follower takes it (Raft 5.3).
#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

Start follower(Entries log, std::uint64_t term, std::uint64_t commit = 0) {
  Start start = at_term(term);
  start.log = std::move(log);
  start.hard_state.commit_index = Index(commit);
  return start;
}

TEST_CASE("an append is refused where the log before it differs, with where to look next") {
  Stage shorter(follower(entries(1, {1, 1}), 2));
  shorter.receive(2, append(2, 5, 2, entries(6, {2})));
  CHECK(shorter.take_one<AppendResponse>(2) ==
        AppendResponse{Term(2), false, Index(5), Index(2), Term(1)});

  Stage other(follower(entries(1, {1, 2, 2, 2}), 3));
  other.receive(2, append(3, 4, 1));
  CHECK(other.take_one<AppendResponse>(2) ==
        AppendResponse{Term(3), false, Index(4), Index(1), Term(1)});
  CHECK(other.node().last_index() == Index(4));
}

TEST_CASE("conflicting entries are replaced, and the save says from where") {
  Stage stage(follower(entries(1, {1, 1, 1, 1}), 2));
  stage.receive(2, append(2, 2, 1, entries(3, {2})));
  CHECK(stage.node().last_index() == Index(3));
  CHECK(stage.node().last_term() == Term(2));
  REQUIRE(stage.saves.size() == 1);
  CHECK(stage.saves[0].entries == entries(3, {2}));
  CHECK(stage.take_one<AppendResponse>(2) == stored(2, 3));
}

TEST_CASE("a repeated or late append cuts nothing that does not conflict") {
  Stage stage(follower({}, 2));
  stage.receive(2, append(2, 0, 0, entries(1, {1, 1, 2, 2})));
  stage.take<AppendResponse>();
  const std::size_t saves = stage.saves.size();
  stage.receive(2, append(2, 0, 0, entries(1, {1, 1})));
  CHECK(stage.node().last_index() == Index(4));
  CHECK(stage.saves.size() == saves);
  // It only vouches for what it covers.
  CHECK(stage.take_one<AppendResponse>(2) == stored(2, 2));
  stage.receive(2, append(2, 1, 1));
  CHECK(stage.take_one<AppendResponse>(2) == stored(2, 1));
}

TEST_CASE("commit moves no further than the request has proved") {
  // Entries 2 and 3 are of an old leader. An empty append at 1 must not commit them.
  Stage stage(follower(entries(1, {1, 1, 1}), 2));
  stage.receive(2, append(2, 1, 1, {}, 3));
  CHECK(stage.node().commit_index() == Index(1));
  stage.receive(2, append(2, 1, 1, entries(2, {2}), 3));
  CHECK(stage.node().commit_index() == Index(2));
  CHECK(stage.applied.size() == 2);
}

TEST_CASE("an append before our commit index is answered with the commit index") {
  Stage stage(follower(entries(1, {1, 1, 1, 1}), 2, 3));
  stage.receive(2, append(2, 1, 1, entries(2, {1, 1, 1, 2})));
  CHECK(stage.take_one<AppendResponse>(2) == stored(2, 3));
  CHECK(stage.node().last_index() == Index(4));
}

TEST_CASE("so is one before a compacted index, whose term we have forgotten") {
  Start start = at_term(7);
  start.compacted = {Index(10), Term(6)};
  Stage stage(start);
  stage.receive(2, append(7, 4, 0, entries(5, {1})));
  CHECK(stage.take_one<AppendResponse>(2) == stored(7, 10));
  CHECK(stage.node().last_index() == Index(10));
}

TEST_CASE("term 0 does not match a compacted entry") {
  CHECK(stops_the_process([] {
    Start start = at_term(7);
    start.compacted = {Index(10), Term(6)};
    Stage stage(start);
    stage.receive(2, append(7, 10, 0, entries(11, {7})));
  }));
}

TEST_CASE("a conflict at or below the commit index stops the process") {
  CHECK(stops_the_process([] {
    Stage stage(follower(entries(1, {1, 1, 1}), 2, 2));
    stage.receive(2, append(2, 1, 1, entries(2, {2})));
  }));
  CHECK(stops_the_process([] {
    Stage stage(follower(entries(1, {1, 1, 1}), 2, 2));
    stage.receive(2, append(2, 2, 2));
  }));
  CHECK(!stops_the_process([] {
    Stage stage(follower(entries(1, {1, 1, 1}), 2, 2));
    stage.receive(2, append(2, 2, 1, entries(3, {2})));
  }));
}

TEST_CASE("a leader that counts on more than we hold stops the process: our disk forgot") {
  CHECK(stops_the_process([] {
    Stage stage(follower(entries(1, {1}), 2));
    stage.receive(2, HeartbeatRequest{Term(2), Index(2), 0});
  }));
}

TEST_CASE("malformed appends are dropped") {
  Stage stage(at_term(2));
  Entries gap = entries(1, {1, 1, 1});
  gap.erase(gap.begin() + 1);
  Entry bad_configuration = configuration_entry(1, 2, voters({1}));
  bad_configuration.payload = Payload("?");
  Entry empty_configuration = configuration_entry(1, 2, {});
  for (const AppendRequest& request :
       {append(2, 0, 0, gap), append(2, 0, 0, entries(1, {2, 1})), append(2, 0, 0, entries(1, {3})),
        append(2, 0, 0, entries(2, {1})), append(2, 3, 3), append(2, 0, 1),
        append(2, 0, 0, {bad_configuration}), append(2, 0, 0, {empty_configuration})}) {
    stage.receive(2, request);
  }
  CHECK(stage.node().last_index() == Index(0));
  CHECK(stage.sent.empty());
}

TEST_CASE("an acknowledgement leaves only when the entries are durable") {
  Stage stage(follower({}, 1));
  stage.stop_disk();
  stage.receive(2, append(1, 0, 0, entries(1, {1})));
  stage.receive(2, append(1, 1, 1, entries(2, {1})));
  CHECK(stage.sent.empty());
  REQUIRE(stage.saves.size() == 1);  // one out at a time
  stage.confirm();
  CHECK(stage.take_one<AppendResponse>(2) == stored(1, 1));
  REQUIRE(stage.saves.size() == 2);
  CHECK(stage.saves[1].entries == entries(2, {1}));
  stage.confirm();
  CHECK(stage.take_one<AppendResponse>(2) == stored(1, 2));
}

TEST_CASE("a repetition of what is still being saved waits for the same save") {
  Stage stage(follower({}, 1));
  stage.stop_disk();
  stage.receive(2, append(1, 0, 0, entries(1, {1, 1})));
  stage.receive(2, append(1, 0, 0, entries(1, {1, 1})));
  stage.receive(2, append(1, 0, 0));
  CHECK(stage.take_one<AppendResponse>(2) == stored(1, 0));
  stage.confirm();
  CHECK(stage.take_one<AppendResponse>(2) == stored(1, 2));
}

TEST_CASE("many acknowledgements that wait for one flush leave as one") {
  Stage stage(follower({}, 1));
  stage.stop_disk();
  stage.receive(2, append(1, 0, 0, entries(1, {1})));
  for (std::uint64_t i = 1; i < 50; ++i) {
    stage.receive(2, append(1, i, 1, entries(i + 1, {1})));
  }
  stage.confirm();
  stage.confirm();
  const std::vector<AppendResponse> answers = stage.take<AppendResponse>(2);
  REQUIRE(answers.size() == 2);
  CHECK(answers[1] == stored(1, 50));
}

TEST_CASE("committed entries are applied only when they are durable here") {
  Stage stage(follower({}, 1));
  stage.stop_disk();
  stage.receive(2, append(1, 0, 0, entries(1, {1}), 1));
  CHECK(stage.node().commit_index() == Index(1));
  CHECK(stage.applied.empty());
  stage.confirm();
  CHECK(stage.applied.size() == 1);
}

TEST_CASE("an acknowledgement of a reign that is over is not sent") {
  Stage stage(follower({}, 1));
  stage.stop_disk();
  stage.receive(2, append(1, 0, 0, entries(1, {1, 1, 1})));
  // A new leader replaces the entries before they have landed.
  stage.receive(3, append(2, 1, 1, entries(2, {2})));
  stage.confirm();
  CHECK(stage.take<AppendResponse>(2).empty());
  CHECK(stage.take<AppendResponse>(3).empty());
  REQUIRE(stage.saves.size() == 2);
  CHECK(stage.saves[1].entries == entries(2, {2}));
  CHECK(stage.saves[1].hard_state->current_term == Term(2));
  stage.confirm();
  CHECK(stage.take<AppendResponse>(2).empty());
  CHECK(stage.take_one<AppendResponse>(3) == stored(2, 2));
}

TEST_CASE("nothing that carries a term leaves before the term is durable") {
  Stage stage;
  stage.stop_disk();
  stage.receive(2, HeartbeatRequest{Term(4), Index(0), 1});
  stage.receive(2, append(4, 7, 3));
  CHECK(stage.sent.empty());
  stage.confirm();
  CHECK(stage.take<HeartbeatResponse>(2).size() == 1);
  CHECK(stage.take<AppendResponse>(2).size() == 1);
}

TEST_CASE("a commit index alone is not worth a save, and goes along with the next") {
  Stage stage(follower({}, 1));
  stage.receive(2, append(1, 0, 0, entries(1, {1})));
  const std::size_t saves = stage.saves.size();
  stage.receive(2, append(1, 1, 1, {}, 1));
  CHECK(stage.saves.size() == saves);
  stage.receive(2, append(1, 1, 1, entries(2, {1}), 1));
  REQUIRE(stage.saves.size() == saves + 1);
  CHECK(stage.saves.back().hard_state->commit_index == Index(1));
}

TEST_CASE("a disk that hangs fills no memory with held answers") {
  Stage stage(follower({}, 1));
  stage.stop_disk();
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    stage.receive(2, HeartbeatRequest{Term(2), Index(0), i});
  }
  stage.confirm();
  CHECK(stage.take<HeartbeatResponse>(2).size() < 5'000);
}

}  // namespace
}  // namespace ticketd::raft::testing
