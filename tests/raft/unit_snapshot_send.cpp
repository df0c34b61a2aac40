// Snapshots as the leader sends them (Raft 7).
#include <string>

#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

constexpr std::uint64_t kFile = 5;
const SnapshotMark kMark{Index(10), Term(1)};

/// A leader at term 2 whose log begins after 10, and follower 3 which has nothing.
Stage with_empty_follower() {
  Start start = at_term(1);
  start.compacted = kMark;
  start.log = entries(11, {1});
  Stage stage(start);
  stage.lead({2});
  stage.take<AppendRequest>(3);
  stage.receive(3, AppendResponse{Term(2), false, Index(11), Index(0), Term(0)});
  return stage;
}

SnapshotChunk chunk(std::uint64_t offset, std::size_t size, std::uint64_t total = 100) {
  return {kMark, kFile, total, offset, Payload(std::string(size, 'x'))};
}

void fetched(Stage& stage, std::optional<SnapshotChunk> read) {
  REQUIRE(!stage.fetch_chunks.empty());
  stage.node().fetched(stage.now(), stage.fetch_chunks.back(), std::move(read));
  stage.fetch_chunks.clear();
  stage.carry_out();
}

SnapshotResponse wants(std::uint64_t next_offset) {
  return {Term(2), kMark, kFile, next_offset, false};
}

TEST_CASE("a follower whose next entry is compacted away gets a snapshot, chunk by chunk") {
  Stage stage = with_empty_follower();
  REQUIRE(stage.fetch_chunks.size() == 1);
  CHECK(stage.fetch_chunks[0].follower == member(3));
  CHECK(!stage.fetch_chunks[0].mark);
  CHECK(stage.fetch_chunks[0].offset == 0);
  CHECK(stage.fetch_chunks[0].max_bytes == stage.node().options().snapshot_chunk_bytes);
  fetched(stage, chunk(0, 60));
  CHECK(stage.take_one<SnapshotRequest>(3) == SnapshotRequest{Term(2), chunk(0, 60)});
  CHECK(stage.fetch_chunks.empty());  // one chunk on its way

  stage.receive(3, wants(60));
  REQUIRE(stage.fetch_chunks.size() == 1);
  CHECK(stage.fetch_chunks[0].mark == kMark);
  CHECK(stage.fetch_chunks[0].file_id == kFile);
  CHECK(stage.fetch_chunks[0].offset == 60);
  fetched(stage, chunk(60, 40));
  CHECK(stage.take_one<SnapshotRequest>(3).chunk.last());
  stage.receive(3, wants(100));
  CHECK(stage.fetch_chunks.empty());

  stage.receive(3, SnapshotResponse{Term(2), kMark, kFile, 0, true});
  CHECK(stage.node().followers(stage.now())[1].match_index == Index(10));
  const AppendRequest next = stage.take_one<AppendRequest>(3);
  CHECK(next.prev_log_index == Index(10));
  CHECK(next.prev_log_term == Term(1));
  CHECK(next.entries.size() == 2);
}

TEST_CASE("no entries and no probes go to a follower that receives a snapshot") {
  Stage stage = with_empty_follower();
  fetched(stage, chunk(0, 60));
  REQUIRE(stage.node().propose(stage.now(), "x"));
  stage.carry_out();
  stage.pass_heard_by(stage.node().options().election_timeout_max, {2, 3});
  CHECK(stage.take<AppendRequest>(3).empty());
}

TEST_CASE("the receiver says where to go on, also when it begins anew") {
  Stage stage = with_empty_follower();
  fetched(stage, chunk(0, 60));
  stage.receive(3, wants(60));
  fetched(stage, chunk(60, 20));
  stage.receive(3, wants(0));  // it was restarted
  REQUIRE(stage.fetch_chunks.size() == 1);
  CHECK(stage.fetch_chunks[0].offset == 0);
  CHECK(stage.fetch_chunks[0].mark == kMark);
}

TEST_CASE("repeated and foreign answers start nothing") {
  Stage stage = with_empty_follower();
  fetched(stage, chunk(0, 60));
  stage.receive(3, wants(60));
  stage.receive(3, wants(60));
  CHECK(stage.fetch_chunks.size() == 1);
  fetched(stage, chunk(60, 20));
  stage.receive(3, wants(60));   // answers the chunk before
  stage.receive(3, wants(101));  // beyond the file
  stage.receive(3, SnapshotResponse{Term(2), kMark, kFile + 1, 80, false});
  stage.receive(3, SnapshotResponse{Term(2), {Index(9), Term(1)}, kFile, 80, false});
  CHECK(stage.fetch_chunks.empty());
}

TEST_CASE("a chunk that stays unanswered goes again") {
  Stage stage = with_empty_follower();
  fetched(stage, chunk(0, 60));
  stage.take<SnapshotRequest>();
  stage.pass_heard_by(stage.node().options().snapshot_chunk_timeout, {2, 3});
  REQUIRE(stage.fetch_chunks.size() == 1);
  fetched(stage, chunk(0, 60));
  CHECK(stage.take<SnapshotRequest>(3).size() == 1);
}

TEST_CASE("after a lost connection the chunk goes again as soon as the follower is heard") {
  Stage stage = with_empty_follower();
  fetched(stage, chunk(0, 60));
  stage.node().unreachable(stage.now(), member(3));
  stage.carry_out();
  CHECK(stage.fetch_chunks.empty());
  stage.pass_heard_by(stage.node().options().heartbeat_interval, {2, 3});
  CHECK(stage.fetch_chunks.size() == 1);
}

TEST_CASE("the question whether a whole file is in force by now needs no chunk") {
  Stage stage = with_empty_follower();
  fetched(stage, chunk(0, 100));
  stage.receive(3, wants(100));
  stage.take<SnapshotRequest>();
  stage.pass_heard_by(stage.node().options().snapshot_chunk_timeout, {2, 3});
  CHECK(stage.fetch_chunks.empty());
  const SnapshotRequest question = stage.take_one<SnapshotRequest>(3);
  CHECK(question.chunk == chunk(100, 0));
}

TEST_CASE("a file that turned out to be bad is not sent a second time") {
  Stage stage = with_empty_follower();
  fetched(stage, chunk(0, 100));
  stage.receive(3, wants(100));
  stage.receive(3, wants(0));
  REQUIRE(stage.fetch_chunks.size() == 1);
  CHECK(!stage.fetch_chunks[0].mark);
}

TEST_CASE("when no snapshot can be had it is asked for again later, from the start") {
  Stage stage = with_empty_follower();
  fetched(stage, chunk(0, 60));
  stage.receive(3, wants(60));
  fetched(stage, std::nullopt);  // the file is gone
  CHECK(stage.fetch_chunks.empty());
  stage.pass_heard_by(stage.node().options().election_timeout_max, {2, 3});
  REQUIRE(stage.fetch_chunks.size() == 1);
  CHECK(!stage.fetch_chunks[0].mark);
  CHECK(stage.fetch_chunks[0].offset == 0);
}

TEST_CASE("when the log was compacted beyond the snapshot meanwhile, another follows") {
  Stage stage = with_empty_follower();
  fetched(stage, chunk(0, 100));
  stage.node().compacted(Index(12));
  stage.receive(3, SnapshotResponse{Term(2), kMark, kFile, 0, true});
  REQUIRE(stage.fetch_chunks.size() == 1);
  CHECK(!stage.fetch_chunks[0].mark);
}

TEST_CASE("a follower that slow disk reads leave behind the log gets a snapshot") {
  Start start;
  start.options.cache_bytes = 0;
  Stage stage(start);
  stage.lead({2});
  REQUIRE(stage.node().propose(stage.now(), "x"));
  stage.carry_out();
  stage.acknowledge({2});
  stage.take<AppendRequest>(3);
  stage.receive(3, stored(1, 0));
  REQUIRE(stage.fetch_entries.size() == 1);
  stage.node().compacted(Index(2));
  stage.node().fetched(stage.now(), stage.fetch_entries[0], {stage.applied[0]});
  stage.carry_out();
  CHECK(stage.take<AppendRequest>(3).empty());
  CHECK(stage.fetch_chunks.size() == 1);
}

TEST_CASE("a chunk that comes back after leadership was lost is not sent") {
  Stage stage = with_empty_follower();
  stage.receive(2, append(3, 12, 2));
  stage.sent.clear();
  fetched(stage, chunk(0, 60));
  CHECK(stage.sent.empty());
}

}  // namespace
}  // namespace ticketd::raft::testing
