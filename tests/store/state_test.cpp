// The records through a disk: removed, sent in snapshots, warmed.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/store/fixture.h"
#include "ticket/records.h"

namespace ticketd::store::testing {
namespace {

using Keys = std::vector<std::string>;

ticket::Operation keyed_take(const std::string& sequence, const std::string& key) {
  return {ticket::Kind::kTake, sequence, {1}, key};
}

ticket::Operation removal(const std::string& sequence) {
  return {ticket::Kind::kRemove, sequence, {0}, ""};
}

/// Sequences and keys come, and go again: each entry forgets what another one made.
raft::Entries coming_and_going(std::uint64_t entries) {
  raft::Entries log = {configuration_entry(1, 1, 3)};
  for (std::uint64_t i = 2; i <= entries; ++i) {
    const std::string number = std::to_string(i);
    log.push_back(command_entry(
        i, 1,
        {keyed_take("sequence-" + number, "key-" + number),
         removal("sequence-" + std::to_string(i / 2)), keyed_take("", "other-" + number)},
        {.age_us = 30'000, .keys = 1000}));
  }
  return log;
}

}  // namespace

TEST_CASE("records that were removed stay away, over checkpoints and a restart") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  const raft::Entries log = coming_and_going(300);
  {
    TestReplica replica(options);
    for (std::size_t i = 0; i < log.size(); i += 20) {
      const auto begin = log.begin() + static_cast<long>(i);
      replica.append_and_apply(raft::Entries(begin, begin + 20));
      if (i % 60 == 0) {
        replica.checkpoint();
      }
      const StateAt expected = state_at(log, raft::Index(i + 20));
      REQUIRE(replica.records() == expected.records);
      REQUIRE(replica.applied().summary == expected.applied.summary);
    }
    CHECK(replica.applied().summary.oldest_key > 0);
    CHECK(replica.last("sequence-100") == std::nullopt);
    CHECK(replica.last("sequence-200") == 0);
  }
  TestReplica replica(options);
  CHECK(difference(replica.disk(), log) == "");
}

TEST_CASE("a snapshot carries keys, and nothing that was removed") {
  const raft::Entries log = coming_and_going(300);
  TemporaryDirectory sending;
  TemporaryDirectory receiving;
  TestReplica sender(small_options(sending.path()));
  const DiskOptions options = small_options(receiving.path());
  sender.append_and_apply(raft::Entries(log.begin(), log.begin() + 200));
  sender.checkpoint();
  sender.append_and_apply(raft::Entries(log.begin() + 200, log.end()));
  sender.checkpoint();
  {
    TestReplica receiver(options);
    // Of the records that it has, some are to go and some to change.
    receiver.append_and_apply(raft::Entries(log.begin(), log.begin() + 100));
    receiver.checkpoint();
    receiver.append_and_apply(raft::Entries(log.begin() + 100, log.begin() + 120));
    raft::SnapshotMark mark;
    for (const raft::SnapshotChunk& chunk : sender.fetch_snapshot(1000)) {
      receiver.stage(chunk);
      mark = chunk.mark;
    }
    REQUIRE(receiver.install(mark).ok());
    CHECK(receiver.records() == state_at(log, raft::Index(300)).records);
    CHECK(receiver.last("sequence-20") == std::nullopt);
    // It answers a key again, and goes on to forget them.
    receiver.append_and_apply({command_entry(301, 1, {keyed_take("sequence-300", "key-300")},
                                             {.age_us = 30'000, .keys = 1000})});
    CHECK(receiver.last("sequence-300") == 0);
  }
  raft::Entries whole = log;
  whole.push_back(command_entry(301, 1, {keyed_take("sequence-300", "key-300")},
                                {.age_us = 30'000, .keys = 1000}));
  TestReplica receiver(options);
  CHECK(difference(receiver.disk(), whole) == "");
}

TEST_CASE("records are warm when the call comes back, and it never comes from inside") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  const raft::Entries log = coming_and_going(100);
  { TestReplica(options).append_and_apply(log); }
  TestReplica replica(options);
  ticket::State& state = replica.disk().state();
  const std::string there = ticket::sequence_key("sequence-90");
  const std::string gone = ticket::sequence_key("sequence-20");
  CHECK_FALSE(state.is_warm(there));
  bool done = false;
  SUBCASE("cold ones") {}
  SUBCASE("warm ones") { replica.warm(Keys{there, gone}); }
  replica.disk().warm(Keys{there, gone}, [&] {
    done = true;
    CHECK(state.is_warm(there));
    CHECK(state.is_warm(gone));
  });
  CHECK_FALSE(done);
  replica.loop().run_until([&] { return done; });
  CHECK(state.find(there) == ticket::encode_last(0));
  CHECK(state.find(gone) == std::nullopt);
}

TEST_CASE("any number of warmings may wait, and each comes back once, in order") {
  TemporaryDirectory directory;
  TestReplica replica(small_options(directory.path()));
  replica.append_and_apply(coming_and_going(100));
  std::vector<int> done;
  std::vector<int> expected;
  for (int i = 0; i < 5000; ++i) {
    expected.push_back(i);
    const auto note = [&done, i] { done.push_back(i); };
    if (i % 7 == 0) {
      replica.disk().warm(ticket::ListRange{"s", "", 10}, note);
    } else {
      replica.disk().warm(Keys{ticket::sequence_key(std::to_string(i))}, note);
    }
  }
  CHECK(done.empty());
  replica.loop().run_until([&] { return done.size() >= expected.size(); });
  CHECK(done == expected);
}

TEST_CASE("nothing comes back from warming after the disk was closed") {
  TemporaryDirectory directory;
  TestReplica replica(small_options(directory.path()));
  int done = 0;
  SUBCASE("by somebody else") {
    replica.disk().warm(Keys{"sa"}, [&] { ++done; });
    replica.close();
    CHECK(done == 0);
  }
  SUBCASE("by the first of those that waited") {
    for (int i = 0; i < 10; ++i) {
      replica.disk().warm(Keys{"sa"}, [&] {
        ++done;
        replica.close();
      });
    }
    replica.loop().run_until([&] { return done > 0; });
    CHECK(done == 1);
  }
  bool looked = false;
  replica.loop().post([&] { looked = true; });
  replica.loop().run_until([&] { return looked; });
  CHECK(done <= 1);
}

TEST_CASE("a warming that a snapshot overtakes finds the new records") {
  const raft::Entries log = coming_and_going(300);
  TemporaryDirectory sending;
  TemporaryDirectory receiving;
  TestReplica sender(small_options(sending.path()));
  sender.append_and_apply(log);
  sender.checkpoint();
  const std::vector<raft::SnapshotChunk> chunks = sender.fetch_snapshot(1 << 20);
  REQUIRE(chunks.size() == 1);
  TestReplica receiver(small_options(receiving.path()));
  const std::string key = ticket::sequence_key("sequence-300");
  receiver.warm(Keys{key});
  CHECK(receiver.disk().state().is_warm(key));
  receiver.stage(chunks[0]);
  bool installed = false;
  int outstanding = 0;
  raft::Save term;
  term.hard_state = hard_state_of(chunks[0].mark.term.value);
  receiver.save(term);
  receiver.disk().install(chunks[0].mark,
                          [&](const Result<AppliedState>& state) { installed = state.ok(); });
  const StateAt expected = state_at(log, raft::Index(300));
  for (int i = 0; i < 1000 || !installed; ++i) {
    ++outstanding;
    receiver.disk().warm(Keys{key}, [&] {
      --outstanding;
      CHECK(receiver.disk().state().is_warm(key));
      CHECK(receiver.disk().state().find(key).has_value() == installed);
    });
    receiver.loop().run_until([&] { return outstanding < 2; });
  }
  receiver.loop().run_until([&] { return outstanding == 0; });
  CHECK(receiver.disk().state().find(key) == expected.records.at(key));
}

}  // namespace ticketd::store::testing
