// Snapshots: made, fetched, received, put in force.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <string_view>

#include "base/random.h"
#include "store/database.h"
#include "store/durable.h"
#include "store/file.h"
#include "tests/store/fixture.h"

namespace ticketd::store::testing {
namespace {

raft::Entries log_of(std::uint64_t entries, std::uint64_t sequences) {
  raft::Entries log;
  log.push_back(configuration_entry(1, 2, 3));
  for (std::uint64_t i = 2; i <= entries; ++i) {
    std::vector<std::string> names = {""};
    for (std::uint64_t j = 0; j < sequences / entries + 1; ++j) {
      names.push_back("sequence/" + std::to_string((i * 7919 + j) % sequences));
    }
    log.push_back(take_entry(i, 2, names, i));
  }
  return log;
}

struct Hook {
  explicit Hook(DurableStepHook hook) { set_durable_step_hook(hook); }
  ~Hook() { set_durable_step_hook(nullptr); }
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;
};

std::atomic<bool> at_hook{false};

/// Some log of its own, to be replaced.
raft::Entries other_log() {
  raft::Entries log;
  for (std::uint64_t i = 1; i <= 30; ++i) {
    log.push_back(take_entry(i, 1, {"old-" + std::to_string(i), ""}));
  }
  return log;
}

void stage_all(TestReplica& receiver, const std::vector<raft::SnapshotChunk>& chunks) {
  std::uint64_t held = 0;
  for (const raft::SnapshotChunk& chunk : chunks) {
    held = receiver.stage(chunk);
    REQUIRE(held == chunk.offset + chunk.data.size());
  }
  REQUIRE(held == chunks.back().total_bytes);
}

std::vector<std::string> snapshot_files(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".snap" || entry.path().extension() == ".new") {
      names.push_back(entry.path().filename());
    }
  }
  return names;
}

/// A sender with that log applied and stored.
std::vector<raft::SnapshotChunk> snapshot_of(const raft::Entries& log,
                                             std::size_t chunk_bytes = 32 << 10) {
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 256 << 20;
  TestReplica sender(options);
  sender.append_and_apply(log);
  sender.checkpoint();
  return sender.fetch_snapshot(chunk_bytes);
}

}  // namespace

TEST_CASE("a snapshot of 100,000 sequences is made, received and put in force") {
  const raft::Entries log = log_of(1000, 100'000);
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 64 << 20;
  {
    TestReplica receiver(options);
    receiver.append_and_apply(other_log());
    const std::vector<raft::SnapshotChunk> chunks = snapshot_of(log);
    REQUIRE(chunks.size() > 1);
    stage_all(receiver, chunks);
    const Result<AppliedState> installed = receiver.install(chunks.front().mark);
    REQUIRE(installed.ok());
    const StateAt expected = state_at(log, raft::Index(1000));
    CHECK(installed->summary == expected.applied.summary);
    CHECK(installed->configuration == expected.applied.configuration);
    CHECK(receiver.last("old-1") == std::nullopt);
    CHECK(receiver.records() == expected.records);
    CHECK(receiver.fetch(1, 30).empty());
    CHECK(receiver.disk().counters().snapshots_installed == 1);
    // The log goes on after it.
    receiver.append_and_apply({take_entry(1001, 3, {"new"})});
    CHECK(receiver.fetch(1001, 1001).size() == 1);
  }
  TestReplica receiver(options);
  raft::Entries whole = log;
  whole.push_back(take_entry(1001, 3, {"new"}));
  CHECK(receiver.opened().restored.compacted ==
        raft::SnapshotMark{raft::Index(1000), raft::Term(2)});
  CHECK(difference(receiver.disk(), whole) == "");
  CHECK(receiver.last("old-1") == std::nullopt);
  CHECK(snapshot_files(directory.path()).empty());
}

TEST_CASE("an empty state can be sent as a snapshot") {
  const raft::Entries log = {configuration_entry(1, 1, 1)};
  const std::vector<raft::SnapshotChunk> chunks = snapshot_of(log);
  REQUIRE(chunks.size() == 1);
  TemporaryDirectory directory;
  TestReplica receiver(small_options(directory.path()));
  stage_all(receiver, chunks);
  CHECK(receiver.install(chunks.front().mark).ok());
}

TEST_CASE("receivers share a file, and a new one is made when the log no longer follows it") {
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.log_tail_bytes = 100'000;
  TestReplica sender(options);
  sender.append_and_apply(log_of(50, 100));
  sender.checkpoint();
  raft::FetchChunk request;
  request.max_bytes = 100;
  const std::optional<raft::SnapshotChunk> first = sender.fetch_chunk(request);
  REQUIRE(first.has_value());
  const std::optional<raft::SnapshotChunk> second = sender.fetch_chunk(request);
  REQUIRE(second.has_value());
  CHECK(*first == *second);
  CHECK(sender.disk().counters().snapshots_made == 1);

  std::uint64_t index = 50;
  while (sender.compacted() <= first->mark.index) {
    ++index;
    sender.append_and_apply({large_entry(index, 2, 50'000)});
  }
  sender.checkpoint();
  const std::optional<raft::SnapshotChunk> third = sender.fetch_chunk(request);
  REQUIRE(third.has_value());
  CHECK(third->mark.index > first->mark.index);
  CHECK(third->file_id != first->file_id);
  CHECK(sender.disk().counters().snapshots_made == 2);
  // The first is still there for whoever reads it, and a vanished one answers none.
  request.mark = first->mark;
  request.file_id = first->file_id;
  request.offset = 100;
  CHECK(sender.fetch_chunk(request).has_value());
  request.file_id ^= 1;
  CHECK_FALSE(sender.fetch_chunk(request).has_value());
  CHECK(snapshot_files(directory.path()).size() == 2);
}

TEST_CASE("snapshot files are kept over a restart, unfinished ones are not") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  std::vector<raft::SnapshotChunk> before;
  {
    TestReplica sender(options);
    sender.append_and_apply(log_of(50, 100));
    sender.checkpoint();
    before = sender.fetch_snapshot();
  }
  const std::string unfinished = directory.path() + "/snapshot-1-1-00.snap.new";
  { File::open(unfinished, File::Mode::kCreate).value(); }
  TestReplica sender(options);
  CHECK_FALSE(exists(unfinished));
  CHECK(sender.fetch_snapshot() == before);
  CHECK(sender.disk().counters().snapshots_made == 0);
}

TEST_CASE("a snapshot that is ordered holds all that was applied by then") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  const raft::Entries log = log_of(50, 100);
  {
    TestReplica replica(options);
    CHECK(replica.disk().newest_snapshot() == raft::SnapshotMark{});
    CHECK(replica.make_snapshot().value() == false);
    for (const raft::Entry& entry : log) {
      replica.append_and_apply({entry});
      const bool due = entry.index.value % 25 == 0;
      if (due) {
        // Not in LMDB yet, as a rule.
        CHECK(replica.make_snapshot().value() == true);
        CHECK(replica.disk().newest_snapshot() == raft::SnapshotMark{entry.index, entry.term});
        CHECK(replica.make_snapshot().value() == false);
      }
    }
    CHECK(replica.disk().counters().snapshots_made == 2);
    CHECK(replica.fetch_snapshot().front().mark == replica.disk().newest_snapshot());
  }
  TestReplica replica(options);
  CHECK(replica.disk().newest_snapshot().index == raft::Index(50));
  CHECK(replica.make_snapshot().value() == false);
  replica.append_and_apply({take_entry(51, 2, {"new"})});
  CHECK(replica.make_snapshot().value() == true);
  CHECK(snapshot_files(directory.path()).size() == 2);
}

TEST_CASE("snapshots that are ordered while one is made wait for it, or for the next") {
  TemporaryDirectory directory;
  TestReplica replica(small_options(directory.path()));
  const raft::Entries log = log_of(50, 20'000);
  replica.append_and_apply(log);
  std::vector<bool> made;
  const auto order = [&] {
    replica.disk().make_snapshot([&](const Result<bool>& result) { made.push_back(*result); });
  };
  order();
  order();
  replica.append_and_apply({take_entry(51, 2, {"new"})});
  order();
  replica.loop().run_until([&] { return made.size() == 3; });
  CHECK(made == std::vector<bool>{true, true, true});
  CHECK(replica.disk().newest_snapshot().index == raft::Index(51));
}

TEST_CASE("reception answers what it holds") {
  const std::vector<raft::SnapshotChunk> chunks = snapshot_of(log_of(200, 2000), 5000);
  REQUIRE(chunks.size() > 3);
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  {
    TestReplica receiver(options);
    CHECK(receiver.stage(chunks[1]) == 0);
    CHECK(receiver.stage(chunks[0]) == 5000);
    CHECK(receiver.stage(chunks[2]) == 5000);
    CHECK(receiver.stage(chunks[1]) == 10000);
    CHECK(receiver.stage(chunks[1]) == 10000);
    raft::SnapshotChunk other = chunks[2];
    other.file_id ^= 1;
    CHECK(receiver.stage(other) == 0);
    other.offset = 0;
    CHECK(receiver.stage(other) == 5000);
    CHECK(receiver.stage(chunks[0]) == 5000);
    raft::SnapshotChunk beyond = chunks[1];
    beyond.total_bytes = 6000;
    CHECK(receiver.stage(beyond) == 0);
    // Not whole.
    CHECK_FALSE(receiver.install(chunks[0].mark).ok());
  }
  TestReplica receiver(options);
  CHECK(receiver.stage(chunks[1]) == 0);
  stage_all(receiver, chunks);
  CHECK(receiver.install(chunks[0].mark).ok());
}

TEST_CASE("a snapshot with any bit changed is refused, and nothing has changed") {
  const raft::Entries log = log_of(100, 300);
  const std::vector<raft::SnapshotChunk> chunks = snapshot_of(log, 1 << 20);
  REQUIRE(chunks.size() == 1);
  const std::string good(chunks[0].data.view());
  TemporaryDirectory directory;
  TestReplica receiver(small_options(directory.path()));
  receiver.append_and_apply(other_log());
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    std::string bad = good;
    const std::size_t at = static_cast<std::size_t>(random.below(bad.size()));
    bad[at] = static_cast<char>(bad[at] ^ (1 << random.below(8)));
    if (random.chance(1, 8)) {
      bad = good.substr(0, at);
    }
    raft::SnapshotChunk chunk = chunks[0];
    chunk.total_bytes = bad.size();
    chunk.data = raft::Payload(bad);
    stage_all(receiver, {chunk});
    CAPTURE(at);
    const Result<AppliedState> installed = receiver.install(chunk.mark);
    REQUIRE_FALSE(installed.ok());
    CHECK(installed.error().message.find(".snap") != std::string::npos);
    CHECK(installed.error().message.find("room") == std::string::npos);
  }
  CHECK(receiver.last("old-30") == 0);
  CHECK(receiver.fetch_all(1, 30) == other_log());
  stage_all(receiver, chunks);
  CHECK(receiver.install(chunks[0].mark).ok());
}

TEST_CASE("a vote saved while a snapshot is put in force is kept, checkpoints go on meanwhile") {
  const raft::Entries log = log_of(400, 60'000);
  const std::vector<raft::SnapshotChunk> chunks = snapshot_of(log, 1 << 20);
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 64 << 20;
  {
    TestReplica receiver(options);
    receiver.append_and_apply(other_log());
    stage_all(receiver, chunks);
    std::optional<AppliedState> installed;
    receiver.disk().install(chunks[0].mark,
                            [&](const Result<AppliedState>& state) { installed = state.value(); });
    std::uint64_t term = 10;
    while (!installed) {
      raft::Save save;
      save.hard_state = hard_state_of(++term);
      receiver.save(save);
    }
    CHECK(term > 10);
    raft::Save vote;
    vote.hard_state = hard_state_of(++term);
    vote.hard_state->has_voted = true;
    vote.hard_state->voted_for = {raft::NodeId(3), raft::Incarnation(4)};
    receiver.save(vote);
    receiver.close();
    TestReplica again(options);
    CHECK(again.opened().restored.hard_state == *vote.hard_state);
    CHECK(difference(again.disk(), log) == "");
  }
}

TEST_CASE("generations follow each other without end") {
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 32 << 20;
  std::optional<TestReplica> receiver(std::in_place, options);
  raft::Entries log = {configuration_entry(1, 2, 3)};
  for (int round = 0; round < 6; ++round) {
    const std::uint64_t first = log.back().index.value + 1;
    for (std::uint64_t i = first; i < first + 300; ++i) {
      log.push_back(take_entry(i, 2, {"round-" + std::to_string(i), ""}));
    }
    const std::vector<raft::SnapshotChunk> chunks = snapshot_of(log, 1 << 20);
    stage_all(*receiver, chunks);
    REQUIRE(receiver->install(chunks[0].mark).ok());
    if (round % 2 == 1) {
      receiver.reset();
      receiver.emplace(options);
      CHECK(difference(receiver->disk(), log) == "");
    }
  }
}

TEST_CASE(
    "the room of the generation that was left is told as it is removed, nothing being saved") {
  const std::vector<raft::SnapshotChunk> chunks = snapshot_of({configuration_entry(1, 2, 3)});
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 64 << 20;
  TestReplica receiver(options);
  receiver.append_and_apply(log_of(400, 60'000));
  receiver.checkpoint();
  stage_all(receiver, chunks);
  REQUIRE(receiver.install(chunks[0].mark).ok());
  const std::uint64_t checkpoints = receiver.disk().counters().checkpoints;
  const std::uint64_t used = receiver.disk().space().used_bytes;
  CHECK(used > 2 << 20);
  receiver.loop().run_until([&] { return receiver.disk().space().used_bytes < used / 4; });
  CHECK(receiver.disk().counters().checkpoints == checkpoints);
}

TEST_CASE("a snapshot for which the old generation cannot be cleared is given up") {
  const raft::Entries log = log_of(100, 300);
  const std::vector<raft::SnapshotChunk> chunks = snapshot_of(log, 1 << 20);
  TemporaryDirectory directory;
  at_hook = true;
  const Hook hook([](const char* step) {
    if (at_hook && std::string_view(step) == "clear: commit") {
      throw DatabaseError(ENOSPC, "a test's full disk");
    }
  });
  TestReplica receiver(small_options(directory.path()));
  receiver.append_and_apply(other_log());
  receiver.checkpoint();
  stage_all(receiver, chunks);
  REQUIRE(receiver.install(chunks[0].mark).ok());
  raft::Entries longer = log;
  longer.push_back(take_entry(101, 2, {"last"}));
  const std::vector<raft::SnapshotChunk> next = snapshot_of(longer, 1 << 20);
  stage_all(receiver, next);
  const Result<AppliedState> given_up = receiver.install(next[0].mark);
  REQUIRE_FALSE(given_up.ok());
  CHECK(given_up.error().message.find("there is no room") != std::string::npos);
  CHECK(receiver.last("last") == std::nullopt);
  at_hook = false;
  stage_all(receiver, next);
  CHECK(receiver.install(next[0].mark).ok());
  CHECK(receiver.last("last") == 0);
}

TEST_CASE("a snapshot that the map has no room for is given up by that name, nothing has changed") {
  const std::vector<raft::SnapshotChunk> chunks = snapshot_of(log_of(400, 60'000), 1 << 20);
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 1 << 20;
  {
    TestReplica receiver(options);
    receiver.append_and_apply(other_log());
    stage_all(receiver, chunks);
    const Result<AppliedState> installed = receiver.install(chunks[0].mark);
    REQUIRE_FALSE(installed.ok());
    CHECK(installed.error().message.find("there is no room") != std::string::npos);
    raft::Entries more = {take_entry(31, 2, {"old-30"})};
    receiver.append_and_apply(more);
    receiver.checkpoint();
    CHECK(receiver.last("old-30") == 1);
  }
  raft::Entries log = other_log();
  log.push_back(take_entry(31, 2, {"old-30"}));
  TestReplica receiver(options);
  CHECK(difference(receiver.disk(), log) == "");
}

TEST_CASE("a snapshot is put in force together with the term that waits for the journal") {
  raft::Entries log = {configuration_entry(1, 10, 3)};
  const std::vector<raft::SnapshotChunk> chunks = snapshot_of(log);
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  at_hook = true;
  static std::atomic<bool> reached;
  static TestLoop* loop;
  reached = false;
  const Hook hook([](const char* step) {
    if (std::string_view(step) == "install: commit") {
      reached = true;
      loop->post([] {});
      at_hook.wait(true);
    }
  });
  {
    TestReplica receiver(options);
    loop = &receiver.loop();
    stage_all(receiver, chunks);
    bool installed = false;
    receiver.disk().install(chunks[0].mark,
                            [&](const Result<AppliedState>& state) { installed = state.ok(); });
    // A save of a term is a block. 16 make a checkpoint due, which waits for the load; 64 fill the
    // other half.
    raft::Save save;
    save.hard_state = hard_state_of(1);
    receiver.loop().run_until([&] { return reached.load(); });
    for (int i = 0; i < 80; ++i) {
      receiver.save(save);
    }
    save.hard_state = hard_state_of(10);
    bool saved = false;
    receiver.disk().save(save, [&] { saved = true; });
    // Other threads of the disk go on meanwhile.
    for (int i = 0; i < 100; ++i) {
      bool looked = false;
      receiver.disk().warm(std::vector<std::string>{"a"}, [&] { looked = true; });
      receiver.loop().run_until([&] { return looked; });
    }
    CHECK_FALSE(saved);
    at_hook = false;
    at_hook.notify_all();
    receiver.loop().run_until([&] { return installed && saved; });
    receiver.close();
  }
  TestReplica receiver(options);
  CHECK(receiver.opened().restored.hard_state == hard_state_of(10));
  CHECK(difference(receiver.disk(), log) == "");
}

}  // namespace ticketd::store::testing
