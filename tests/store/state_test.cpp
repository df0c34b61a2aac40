// The records as the machine sees them: found, listed, removed, warm and cold.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "store/overlay.h"
#include "store/record_cache.h"
#include "tests/store/fixture.h"
#include "ticket/records.h"

namespace ticketd::store::testing {
namespace {

using Keys = std::vector<std::string>;

/// An overlay on a database of its own, without the rest of a disk.
struct LoneOverlay {
  LoneOverlay() : environment({directory.path(), 64 << 20}) {
    WriteTransaction transaction(environment);
    tables = open_tables(transaction);
    transaction.commit();
    overlay.emplace(environment, tables, 0);
  }

  void put(const std::string& key, const std::string& value) { overlay->put(key, value); }
  void freeze() {
    overlay->settle();
    frozen = overlay->freeze();
  }
  /// As a checkpoint does.
  void land() {
    WriteTransaction transaction(environment);
    for (const auto& [key, value] : *frozen) {
      value ? transaction.put(tables.state(0), key, *value)
            : transaction.remove(tables.state(0), key);
    }
    transaction.commit();
    overlay->landed();
  }
  void store() {
    freeze();
    land();
  }
  /// Forgets everything that is in memory.
  void cool() { overlay->reset(0); }
  Keys list(const std::string& prefix, const std::string& after, std::size_t limit) {
    Keys keys;
    for (const ticket::State::Record& record : overlay->list({prefix, after, limit})) {
      keys.push_back(record.key + "=" + record.value);
    }
    return keys;
  }

  TemporaryDirectory directory;
  Environment environment;
  Tables tables;
  std::optional<Overlay> overlay;
  std::shared_ptr<const Changes> frozen;
};

}  // namespace

TEST_CASE_FIXTURE(LoneOverlay,
                  "a list merges LMDB, the changes on their way there, and newer ones") {
  for (const char* key : {"a1", "b1", "b2", "b3", "b4", "b5", "c1"}) {
    put(key, "stored");
  }
  store();
  cool();
  put("b0", "frozen");
  put("b2", "frozen");
  put("b6", "frozen");
  overlay->remove("b3");
  overlay->remove("b4");
  overlay->remove("b9");
  freeze();
  put("b4", "current");
  put("b7", "current");
  overlay->remove("b5");
  overlay->remove("b6");
  const Keys all = {"b0=frozen", "b1=stored", "b2=frozen", "b4=current", "b7=current"};
  const auto check = [&] {
    CHECK(list("b", "", 100) == all);
    CHECK(list("b", "b0", 2) == Keys{"b1=stored", "b2=frozen"});
    CHECK(list("b", "b00", 2) == Keys{"b1=stored", "b2=frozen"});
    CHECK(list("b", "b2", 1) == Keys{"b4=current"});
    CHECK(list("b", "b3", 1) == Keys{"b4=current"});
    CHECK(list("b", "a1", 1) == Keys{"b0=frozen"});
    CHECK(list("b", "b7", 100).empty());
    CHECK(list("b", "c", 100).empty());
    CHECK(list("b", "", 0).empty());
    CHECK(list("b4", "", 9) == Keys{"b4=current"});
    CHECK(list("bb", "", 9).empty());
    CHECK(list("", "b4", 9) == Keys{"b7=current", "c1=stored"});
    CHECK(list("", "", 1) == Keys{"a1=stored"});
    CHECK(list("", "", 100).size() == all.size() + 2);
    CHECK(list("b", std::string(600, 'b'), 1).empty());
    CHECK(list("a", std::string(600, '\x01'), 1) == Keys{"a1=stored"});
    CHECK(list(std::string(600, 'b'), "", 1).empty());
  };
  check();
  land();
  check();
  store();
  check();
  cool();
  check();
}

TEST_CASE_FIXTURE(LoneOverlay, "bytes above 127 are in order, in memory and in LMDB") {
  put("s\x7f", "1");
  put("s\xff", "2");
  put(std::string("s\0", 2), "3");
  put("s", "4");
  const Keys all = {"s=4", std::string("s\0=3", 4), "s\x7f=1", "s\xff=2"};
  CHECK(list("s", "", 9) == all);
  store();
  CHECK(list("s", "", 9) == all);
  CHECK(list("s", "s\x7f", 9) == Keys{"s\xff=2"});
}

TEST_CASE_FIXTURE(LoneOverlay,
                  "a record is warm once it was put, removed or read, and until forgotten") {
  CHECK_FALSE(overlay->is_warm("a"));
  CHECK(overlay->find("a") == std::nullopt);
  CHECK_FALSE(overlay->is_warm("a"));
  put("a", "1");
  overlay->remove("b");
  CHECK(overlay->is_warm("a"));
  CHECK(overlay->is_warm("b"));
  store();
  CHECK(overlay->is_warm("a"));
  cool();
  CHECK_FALSE(overlay->is_warm("a"));
  CHECK(overlay->find("a") == "1");
  for (const char* key : {"a", "b"}) {
    overlay->warm(key);
    CHECK(overlay->is_warm(key));
  }
  CHECK(overlay->find("a") == "1");
  CHECK(overlay->find("b") == std::nullopt);
}

TEST_CASE_FIXTURE(LoneOverlay, "what is warm is never out of date") {
  put("a", "1");
  store();
  cool();
  overlay->warm("a");
  overlay->warm("b");
  put("a", "2");
  put("b", "2");
  CHECK(overlay->find("a") == "2");
  CHECK(overlay->find("b") == "2");
  freeze();
  overlay->remove("a");
  CHECK(overlay->find("a") == std::nullopt);
  land();
  CHECK(overlay->find("a") == std::nullopt);
  CHECK(overlay->find("b") == "2");
  store();
  CHECK(overlay->find("a") == std::nullopt);
}

TEST_CASE_FIXTURE(LoneOverlay,
                  "what is in memory is bounded, however many records are warmed or put") {
  const std::string value(200, 'x');
  std::uint64_t keys = 0;
  const auto next = [&] { return "s" + std::to_string(++keys); };
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 1000; ++i) {
      put(next(), value);
    }
    store();
  }
  CHECK(overlay->cached_bytes() > Overlay::kCacheBytes / 4);
  for (int round = 0; round < 400; ++round) {
    overlay->hold();
    for (int i = 0; i < 1000; ++i) {
      overlay->warm(next());
    }
    overlay->let_go();
    REQUIRE(overlay->cached_bytes() < Overlay::kCacheBytes + (1 << 20));
  }
  CHECK_FALSE(overlay->is_warm("s1"));
  CHECK(overlay->is_warm("s" + std::to_string(keys)));
}

TEST_CASE_FIXTURE(LoneOverlay,
                  "what one call warms stays warm until it is let go, also when it is a lot") {
  constexpr std::uint64_t kKeys = 300'000;  // more than is kept
  overlay->hold();
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    overlay->warm("s" + std::to_string(i));
  }
  CHECK(overlay->cached_bytes() > Overlay::kCacheBytes);
  overlay->settle();  // the machine has applied something meanwhile
  overlay->settle();
  CHECK(overlay->is_warm("s0"));
  overlay->let_go();
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    overlay->warm("t" + std::to_string(i));
    overlay->let_go();
  }
  CHECK(overlay->cached_bytes() <= Overlay::kCacheBytes + 1000);
  CHECK_FALSE(overlay->is_warm("s0"));
}

TEST_CASE("a cache keeps what is used and drops what is not") {
  RecordCache cache(40 * (RecordCache::kRecordBytes + 4));
  cache.keep("used", std::nullopt);
  cache.keep("last", std::nullopt);
  for (int i = 100; i < 200; ++i) {
    cache.keep(std::to_string(i), "v");
    cache.trim();
    REQUIRE(cache.find("used") != nullptr);
    REQUIRE(cache.bytes() <= 41 * (RecordCache::kRecordBytes + 4));
  }
  CHECK_FALSE(cache.holds("last"));
  CHECK_FALSE(cache.holds("100"));
  CHECK(*cache.find("199") == "v");
  cache.keep("199", "another");
  CHECK(*cache.find("199") == "another");
  cache.clear();
  CHECK(cache.bytes() == 0);
  CHECK_FALSE(cache.holds("used"));
}

// --- Through a disk
// -------------------------------------------------------------------------------

namespace {

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
