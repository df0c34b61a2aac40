// Snapshots as a follower takes them (Raft 7).
#include <string>

#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

constexpr std::uint64_t kFile = 5;
const SnapshotMark kMark{Index(10), Term(2)};

SnapshotRequest piece(std::uint64_t offset, std::size_t size, std::uint64_t term = 3,
                      std::uint64_t file = kFile, SnapshotMark mark = kMark) {
  return {Term(term), {mark, file, 100, offset, Payload(std::string(size, 'x'))}};
}

SnapshotResponse wants(std::uint64_t next_offset, std::uint64_t file = kFile) {
  return {Term(3), kMark, file, next_offset, false};
}

const SnapshotResponse kInstalled{Term(3), kMark, kFile, 0, true};

Start follower(Entries log = {}, std::uint64_t commit = 0) {
  Start start = at_term(3);
  start.log = std::move(log);
  start.hard_state.commit_index = Index(commit);
  start.applied = Index(commit);
  return start;
}

/// The owner has written the last chunk it was given.
void staged(Stage& stage) {
  REQUIRE(!stage.staged.empty());
  const SnapshotChunk chunk = stage.staged.back();
  stage.node().staged(stage.now(), chunk.mark, chunk.file_id, chunk.offset + chunk.data.size());
  stage.carry_out();
}

void receive_whole(Stage& stage) {
  stage.receive(2, piece(0, 60));
  staged(stage);
  stage.receive(2, piece(60, 40));
  staged(stage);
}

TEST_CASE("chunks are staged one by one, the whole file is installed, and replaces everything") {
  Stage stage(follower(entries(1, {1, 1, 1}), 1));
  stage.receive(2, piece(0, 60));
  REQUIRE(stage.staged.size() == 1);
  CHECK(stage.sent.empty());  // nothing is said before the owner has it
  staged(stage);
  CHECK(stage.take_one<SnapshotResponse>(2) == wants(60));
  stage.receive(2, piece(60, 40));
  staged(stage);
  CHECK(stage.take_one<SnapshotResponse>(2) == wants(100));
  REQUIRE(stage.installs.size() == 1);
  CHECK(stage.installs[0] == kMark);
  CHECK(stage.node().last_index() == Index(3));

  stage.node().installed(stage.now(), kMark, {Index(7), voters({1, 2, 3, 4})});
  stage.carry_out();
  CHECK(stage.take_one<SnapshotResponse>(2) == kInstalled);
  CHECK(stage.node().last_index() == Index(10));
  CHECK(stage.node().last_term() == Term(2));
  CHECK(stage.node().compacted_mark() == kMark);
  CHECK(stage.node().commit_index() == Index(10));
  CHECK(stage.node().applied_index() == Index(10));
  CHECK(stage.node().configuration().index == Index(7));
  CHECK(stage.node().committed_configuration().configuration == voters({1, 2, 3, 4}));
  // The log goes on right behind it, without a gap.
  stage.receive(2, append(3, 10, 2, entries(11, {3}), 11));
  CHECK(stage.take_one<AppendResponse>(2) == stored(3, 11));
  REQUIRE(stage.applied.size() == 1);
  CHECK(stage.applied[0].index == Index(11));
}

TEST_CASE("a chunk from the wrong place is answered with the right one") {
  Stage stage(follower());
  stage.receive(2, piece(60, 40));  // this node was restarted in the middle
  CHECK(stage.take_one<SnapshotResponse>(2) == wants(0));
  stage.receive(2, piece(0, 60));
  staged(stage);
  stage.take<SnapshotResponse>();
  stage.receive(2, piece(0, 60));  // a repetition
  CHECK(stage.take_one<SnapshotResponse>(2) == wants(60));
  CHECK(stage.staged.size() == 1);
}

TEST_CASE("a repetition of the chunk that is being written is not written twice") {
  Stage stage(follower());
  stage.receive(2, piece(0, 60));
  stage.receive(2, piece(0, 60));
  staged(stage);
  CHECK(stage.staged.size() == 1);
  CHECK(stage.take_one<SnapshotResponse>(2) == wants(60));
}

TEST_CASE("two files of one mark are never mixed") {
  Stage stage(follower());
  stage.receive(2, piece(0, 60));
  // Another leader, another file; the owner still writes the first.
  stage.receive(3, piece(60, 40, 4, kFile + 1));
  CHECK(stage.take_one<SnapshotResponse>(3).next_offset == 0);
  stage.receive(3, piece(0, 50, 4, kFile + 1));
  CHECK(stage.staged.size() == 1);
  staged(stage);
  CHECK(stage.sent.empty());
  REQUIRE(stage.staged.size() == 2);  // the lane is free again
  CHECK(stage.staged[1].file_id == kFile + 1);
  staged(stage);
  CHECK(stage.take_one<SnapshotResponse>(3).next_offset == 50);
}

TEST_CASE("a late chunk of what this leader has given up does not reset the newer reception") {
  Stage stage(follower());
  stage.receive(2, piece(0, 60));
  staged(stage);
  stage.take<SnapshotResponse>();
  stage.receive(2, piece(0, 60, 3, 4, {Index(8), Term(2)}));
  CHECK(stage.sent.empty());
  stage.receive(2, piece(60, 40));
  staged(stage);
  CHECK(stage.installs.size() == 1);
}

TEST_CASE("a follower that holds the mark in its log commits up to it, and keeps what follows") {
  Start start = follower(entries(1, {1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3}), 2);
  Stage stage(start);
  stage.receive(2, piece(0, 60));
  CHECK(stage.take_one<SnapshotResponse>(2) == kInstalled);
  CHECK(stage.staged.empty());
  CHECK(stage.node().last_index() == Index(12));
  CHECK(stage.node().commit_index() == Index(10));
  CHECK(stage.applied.size() == 8);
}

TEST_CASE("it says so only when what it holds of the mark is durable") {
  Stage stage(follower());
  stage.stop_disk();
  stage.receive(2, append(3, 0, 0, entries(1, {1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2})));
  stage.receive(2, piece(0, 60));
  CHECK(stage.sent.empty());
  stage.confirm();
  CHECK(stage.take_one<SnapshotResponse>(2) == kInstalled);
}

TEST_CASE("a snapshot older than what is committed is not installed") {
  Start start = follower();
  start.compacted = {Index(20), Term(2)};
  Stage stage(start);
  stage.receive(2, piece(0, 60));
  CHECK(stage.take_one<SnapshotResponse>(2) == kInstalled);
  CHECK(stage.staged.empty());
  CHECK(stage.node().commit_index() == Index(20));
}

TEST_CASE("a reception that the log has overtaken is dropped") {
  Stage stage(follower());
  stage.receive(2, piece(0, 60));
  staged(stage);
  stage.receive(2, append(3, 0, 0, entries(1, {1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2}), 11));
  stage.receive(2, piece(60, 40));
  CHECK(stage.staged.size() == 1);
  CHECK(stage.installs.empty());
}

/// Entry 1 is being saved, `behind` waits for the next save, and a snapshot is whole.
Stage with_unsaved(Entries behind, std::uint64_t commit) {
  Stage stage(follower());
  stage.stop_disk();
  stage.receive(2, append(3, 0, 0, entries(1, {1})));
  stage.receive(2, append(3, 1, 1, std::move(behind), commit));
  receive_whole(stage);
  stage.sent.clear();
  return stage;
}

TEST_CASE("installation waits for a save with entries that is out, and lets none begin") {
  Stage stage = with_unsaved(entries(2, {1}), 0);
  CHECK(stage.installs.empty());
  stage.confirm();
  REQUIRE(stage.installs.size() == 1);
  CHECK(!stage.is_saving());  // entry 2 is not saved any more
  stage.sent.clear();
  stage.receive(2, append(3, 1, 1, entries(2, {1})));
  CHECK(stage.sent.empty());
  CHECK(!stage.is_saving());
}

TEST_CASE("answers that waited for entries which are no more do not come out") {
  Stage stage = with_unsaved(entries(2, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}), 0);
  stage.confirm();
  stage.take<AppendResponse>();
  stage.node().installed(stage.now(), kMark, {Index(1), voters({1, 2, 3})});
  stage.carry_out();
  CHECK(stage.take<AppendResponse>().empty());
  CHECK(stage.take_one<SnapshotResponse>(2) == kInstalled);
  stage.receive(2, append(3, 10, 2, entries(11, {3})));
  stage.confirm();
  CHECK(stage.take_one<AppendResponse>(2) == stored(3, 11));
}

TEST_CASE("a commit index saved during an installation does not point beyond the log on disk") {
  Stage stage = with_unsaved(entries(2, {1}), 2);
  REQUIRE(stage.node().commit_index() == Index(2));
  stage.confirm();
  CHECK(stage.applied.empty());  // entry 1 is durable, but the state is about to be replaced
  stage.receive(3, HeartbeatRequest{Term(4), Index(0), 0});
  REQUIRE(stage.is_saving());
  CHECK(stage.saves.back().entries.empty());
  CHECK(stage.saves.back().hard_state->commit_index == Index(1));
}

TEST_CASE("votes go on during an installation, campaigns do not") {
  Stage stage(follower());
  receive_whole(stage);
  REQUIRE(stage.installs.size() == 1);
  stage.sent.clear();
  stage.pass(10 * stage.node().options().election_timeout_max);
  CHECK(stage.sent.empty());
  stage.receive(2, TimeoutNowRequest{Term(3)});
  CHECK(stage.node().role() == Role::kFollower);
  stage.receive(3, vote(4, 50, 3));
  CHECK(stage.take_one<VoteResponse>(3).granted);
  CHECK(stage.saves.back().hard_state->current_term == Term(4));
  stage.node().installed(stage.now(), kMark, {Index(1), voters({1, 2, 3})});
  stage.carry_out();
  stage.pass(stage.node().options().election_timeout_max);
  CHECK(stage.node().role() == Role::kPreCandidate);
}

TEST_CASE("a candidate whose snapshot becomes whole gives up its campaign") {
  Stage stage(follower());
  stage.receive(2, piece(0, 100));
  while (stage.node().role() != Role::kPreCandidate) {
    stage.pass_to_deadline();
  }
  staged(stage);
  CHECK(stage.node().role() == Role::kFollower);
  CHECK(stage.installs.size() == 1);
}

TEST_CASE("the leader's question during an installation is answered") {
  Stage stage(follower());
  receive_whole(stage);
  stage.sent.clear();
  stage.receive(2, piece(100, 0));
  CHECK(stage.take_one<SnapshotResponse>(2) == wants(100));
  CHECK(stage.installs.size() == 1);
}

TEST_CASE("a file that cannot be installed is received anew") {
  Stage stage(follower(entries(1, {1}), 1));
  receive_whole(stage);
  stage.sent.clear();
  stage.node().install_failed(stage.now(), kMark);
  stage.carry_out();
  CHECK(stage.take_one<SnapshotResponse>(2) == wants(0));
  CHECK(stage.node().last_index() == Index(1));
  receive_whole(stage);
  CHECK(stage.installs.size() == 2);
}

TEST_CASE("malformed chunks are dropped") {
  Stage stage(follower());
  for (const SnapshotRequest& request :
       {piece(0, 101), piece(90, 11), piece(101, 0), piece(0, 0), piece(~std::uint64_t{0}, 2),
        piece(0, 10, 3, kFile, {Index(0), Term(0)})}) {
    stage.receive(2, request);
  }
  CHECK(stage.sent.empty());
  CHECK(stage.staged.empty());
}

TEST_CASE("the configuration of a snapshot replaces one that was never committed") {
  Entries log = entries(1, {1});
  log.push_back(configuration_entry(2, 1, voters({1, 2, 3, 4, 5})));
  Stage stage(follower(log, 1));
  receive_whole(stage);
  stage.node().installed(stage.now(), kMark, {Index(0), voters({1, 2, 3})});
  stage.carry_out();
  CHECK(stage.node().configuration().configuration == voters({1, 2, 3}));
}

}  // namespace
}  // namespace ticketd::raft::testing
