// AppendEntries as the leader sends it (Raft 5.3): probes, pipeline, back-tracking, losses.
#include <algorithm>
#include <string>

#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

const Options kDefaults;

FollowerStatus status(Stage& stage, std::uint64_t follower) {
  for (const FollowerStatus& each : stage.node().followers(stage.now())) {
    if (each.id == member(follower)) {
      return each;
    }
  }
  FAIL("no such follower");
  return {};
}

void propose(Stage& stage, const std::string& command) {
  REQUIRE(stage.node().propose(stage.now(), command));
  stage.carry_out();
}

AppendResponse refused(std::uint64_t term, std::uint64_t prev, std::uint64_t conflict,
                       std::uint64_t conflict_term) {
  return {Term(term), false, Index(prev), Index(conflict), Term(conflict_term)};
}

TEST_CASE("entries go to the followers in parallel with the leader's own disk") {
  Stage stage;
  stage.lead({2, 3});
  stage.stop_disk();
  propose(stage, "x");
  CHECK(stage.is_saving());
  CHECK(stage.take_one<AppendRequest>(2).entries.size() == 1);
  CHECK(stage.take_one<AppendRequest>(3).entries.size() == 1);
}

TEST_CASE("what was proposed since the last Ready goes out as one request") {
  Stage stage;
  stage.lead({2, 3});
  for (const char* command : {"a", "b", "c"}) {
    REQUIRE(stage.node().propose(stage.now(), command));
  }
  stage.carry_out();
  CHECK(stage.take_one<AppendRequest>(2).entries.size() == 3);
  CHECK(stage.saves.back().entries.size() == 3);
}

TEST_CASE("the pipeline is bounded by count") {
  Start start;
  start.options.max_inflight_appends = 3;
  Stage stage(start);
  stage.lead({2, 3});
  for (int i = 0; i < 5; ++i) {
    propose(stage, "x");
  }
  CHECK(stage.take<AppendRequest>(2).size() == 3);
  stage.receive(2, stored(1, 2));  // makes room for one, which takes all that waits
  CHECK(stage.take_one<AppendRequest>(2).entries.size() == 2);
}

TEST_CASE("the pipeline is bounded by bytes") {
  Start start;
  start.options.max_inflight_bytes = 1000;
  Stage stage(start);
  stage.lead({2, 3});
  for (int i = 0; i < 5; ++i) {
    propose(stage, std::string(600, 'x'));
  }
  CHECK(stage.take<AppendRequest>(2).size() == 2);
}

TEST_CASE("packing entries up to the size limit leaves no gap and repeats none") {
  Start start = at_term(1);
  start.options.max_append_bytes = 100;
  for (const std::size_t size : {99U, 1U, 1U, 100U, 101U, 0U, 0U, 50U, 50U, 1U, 300U, 2U}) {
    start.log.push_back({Index(start.log.size() + 1), Term(1), EntryType::kCommand,
                         Payload(std::string(size, 'x'))});
  }
  Stage stage(start);
  stage.elect({2, 3});
  stage.take<AppendRequest>();
  stage.receive(2, refused(2, 12, 0, 0));
  Index next(1);
  while (next <= stage.node().last_index()) {
    for (const AppendRequest& request : stage.take<AppendRequest>(2)) {
      CHECK(request.prev_log_index + 1 == next);
      std::size_t bytes = 0;
      for (const Entry& entry : request.entries) {
        CHECK(entry.index == next);
        bytes += entry.payload.size();
        ++next;
      }
      CHECK((request.entries.size() == 1 || bytes <= 100));
      stage.receive(2, stored(2, (next - 1).value));
    }
  }
}

TEST_CASE("a follower without our log is found by one probe a term, not one an entry") {
  // Figure 7 (f) of the paper: the follower has long runs of terms 2 and 3.
  Start start = at_term(6);
  start.log = entries(1, {1, 1, 1, 4, 4, 5, 5, 6, 6, 6});
  Stage stage(start);
  stage.elect({2, 3});
  CHECK(stage.take_one<AppendRequest>(2).prev_log_index == Index(10));
  Start other = at_term(3);
  other.self = 2;
  other.log = entries(1, {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3});
  Stage follower(other);
  follower.receive(1, append(7, 10, 6));
  stage.receive(2, follower.take_one<AppendResponse>(1));
  const AppendRequest probe = stage.take_one<AppendRequest>(2);
  CHECK(probe.prev_log_index == Index(3));
  follower.receive(1, probe);
  CHECK(follower.take_one<AppendResponse>(1) == stored(7, 11));
}

TEST_CASE("only one probe is out, and a lost one goes again with the heartbeats") {
  Stage stage;
  stage.elect({2});
  stage.acknowledge({2});
  CHECK(stage.take<AppendRequest>(3).size() == 1);
  propose(stage, "x");
  propose(stage, "y");
  CHECK(stage.take<AppendRequest>(3).empty());
  stage.pass_heard_by(kDefaults.heartbeat_interval, {2, 3});
  const AppendRequest again = stage.take_one<AppendRequest>(3);
  CHECK(again.prev_log_index == Index(0));
  CHECK(again.entries.empty());  // what is merely slow is not sent twice
  stage.receive(3, stored(1, 0));
  CHECK(stage.take_one<AppendRequest>(3).entries.size() == 3);
}

TEST_CASE("a pipeline that lost its last request is noticed while the follower lives") {
  Stage stage;
  stage.lead({2, 3});
  propose(stage, "x");
  CHECK(stage.take<AppendRequest>(3).size() == 1);  // and is lost
  stage.pass_heard_by(kDefaults.election_timeout_min, {2, 3});
  CHECK(status(stage, 3).state == ReplicationState::kProbe);
  const AppendRequest probe = stage.take_one<AppendRequest>(3);
  CHECK(probe == append(1, 1, 1, {}, 1));
  stage.receive(3, stored(1, 1));
  CHECK(stage.take_one<AppendRequest>(3).entries.size() == 1);
}

TEST_CASE("a hole in the pipeline is filled from where the follower is") {
  Stage stage;
  stage.lead({2, 3});
  for (const char* command : {"2", "3", "4"}) {
    propose(stage, command);
  }
  CHECK(stage.take<AppendRequest>(3).size() == 3);
  // 2 arrived and is not yet answered, 3 was lost, 4 is refused.
  stage.receive(3, refused(1, 3, 2, 1));
  const AppendRequest again = stage.take_one<AppendRequest>(3);
  CHECK(again.prev_log_index == Index(2));
  CHECK(again.entries.size() == 2);
  stage.receive(3, refused(1, 3, 2, 1));  // the same once more says nothing new
  CHECK(stage.take<AppendRequest>(3).empty());
  stage.receive(3, stored(1, 4));
  CHECK(status(stage, 3).match_index == Index(4));
}

TEST_CASE("late answers change nothing") {
  Stage stage;
  stage.lead({2, 3});
  propose(stage, "x");
  propose(stage, "y");
  stage.acknowledge({2, 3});
  stage.receive(3, stored(1, 1));
  stage.receive(3, refused(1, 1, 0, 0));
  stage.receive(3, refused(1, 2, 1, 1));
  CHECK(status(stage, 3).match_index == Index(3));
  CHECK(status(stage, 3).state == ReplicationState::kReplicate);
  stage.receive(3, stored(1, 99));  // nobody holds what we do not
  CHECK(status(stage, 3).match_index == Index(3));
}

TEST_CASE("after a lost connection the follower is probed again, once it answers") {
  Stage stage;
  stage.lead({2, 3});
  propose(stage, "x");
  stage.take<AppendRequest>();
  stage.node().unreachable(stage.now(), member(3));
  stage.carry_out();
  propose(stage, "y");
  CHECK(stage.take<AppendRequest>(3).empty());
  stage.pass_heard_by(kDefaults.heartbeat_interval, {2, 3});
  CHECK(stage.take_one<AppendRequest>(3).prev_log_index == Index(1));
  stage.receive(3, stored(1, 1));
  CHECK(stage.take_one<AppendRequest>(3).entries.size() == 2);
}

TEST_CASE("entries no longer in memory are read back, one request a follower at a time") {
  Start start;
  start.options.cache_bytes = 0;
  Stage stage(start);
  stage.lead({2});
  for (int i = 0; i < 9; ++i) {
    propose(stage, "x");
    stage.acknowledge({2});
  }
  stage.take<AppendRequest>(3);
  stage.receive(3, refused(1, 0, 0, 0));
  stage.receive(3, stored(1, 0));
  REQUIRE(stage.fetch_entries.size() == 1);
  const FetchEntries request = stage.fetch_entries[0];
  CHECK(request.follower == member(3));
  CHECK(request.from == Index(1));
  CHECK(request.to == Index(10));
  propose(stage, "y");
  CHECK(stage.fetch_entries.size() == 1);

  Entries read;
  for (const Entry& entry : stage.applied) {
    if (entry.index >= request.from && read.size() < 6) {
      read.push_back(entry);
    }
  }
  stage.node().fetched(stage.now(), request, read);
  stage.carry_out();
  CHECK(stage.take_one<AppendRequest>(3).entries == read);
  REQUIRE(stage.fetch_entries.size() == 2);
  CHECK(stage.fetch_entries[1].from == Index(7));
  // Nothing there any more: a snapshot has to do.
  stage.node().fetched(stage.now(), stage.fetch_entries[1], {});
  stage.carry_out();
  CHECK(status(stage, 3).state == ReplicationState::kSnapshot);
  CHECK(stage.fetch_chunks.size() == 1);
}

TEST_CASE("entries that were asked for in an earlier reign are not used") {
  Start start;
  start.options.cache_bytes = 0;
  Stage stage(start);
  stage.lead({2});
  propose(stage, "x");
  stage.acknowledge({2});
  stage.take<AppendRequest>(3);
  stage.receive(3, stored(1, 0));
  REQUIRE(stage.fetch_entries.size() == 1);
  stage.receive(2, append(2, 2, 1));
  stage.sent.clear();
  stage.node().fetched(stage.now(), stage.fetch_entries[0], {stage.applied[0]});
  stage.carry_out();
  CHECK(stage.sent.empty());
}

TEST_CASE("proposals are refused past the bound of uncommitted bytes, one always fits") {
  Start start;
  start.options.max_uncommitted_bytes = 300;
  Stage stage(start);
  CHECK(stage.node().propose(stage.now(), "x").refusal() == Refusal::kNotLeader);
  stage.lead({2, 3});
  propose(stage, std::string(1000, 'x'));
  const Answer<Proposed> second = stage.node().propose(stage.now(), "y");
  CHECK(!second);
  CHECK(second.refusal() == Refusal::kBusy);
  CHECK(stage.node().last_index() == Index(2));
  stage.acknowledge({2});
  propose(stage, "y");
}

TEST_CASE("a heartbeat tells no more of the commit index than the follower is known to hold") {
  Stage stage;
  stage.lead({2});
  propose(stage, "x");
  stage.acknowledge({2});
  REQUIRE(stage.node().commit_index() == Index(2));
  stage.sent.clear();
  stage.pass(kDefaults.heartbeat_interval);
  CHECK(stage.take_one<HeartbeatRequest>(2).commit_index == Index(2));
  CHECK(stage.take_one<HeartbeatRequest>(3).commit_index == Index(0));
}

}  // namespace
}  // namespace ticketd::raft::testing
