// What is bounded, and what happens at the bounds.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <sys/statvfs.h>

#include <atomic>
#include <cerrno>
#include <filesystem>

#include "store/layout.h"
#include "tests/store/fixture.h"

namespace {

enum class Told { kTruth, kNothingLeft, kError };
std::atomic<Told> told{Told::kTruth};

}  // namespace

/// In place of the C library's.
extern "C" int statvfs(const char* path, struct statvfs* status) noexcept {
  using Function = int (*)(const char*, struct statvfs*);
  static const Function real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "statvfs"));
  if (told == Told::kError) {
    errno = EIO;
    return -1;
  }
  const int result = real(path, status);
  if (told == Told::kNothingLeft) {
    status->f_bavail = 0;
  }
  return result;
}

namespace ticketd::store::testing {
namespace {

struct Telling {
  explicit Telling(Told what) { told = what; }
  ~Telling() { told = Told::kTruth; }
  Telling(const Telling&) = delete;
  Telling& operator=(const Telling&) = delete;
};

std::uint64_t database_bytes(const DiskOptions& options) {
  return std::filesystem::file_size(in_directory(options.path, kDatabaseFile));
}

}  // namespace

namespace {

struct Cost {
  std::uint64_t checkpoints = 0;
  std::uint64_t bytes = 0;
  std::uint64_t each() const { return bytes / checkpoints; }
};

/// Entries of a kibibyte, saved and applied, until so many bytes have gone through.
void pour(TestReplica& replica, std::uint64_t& index, std::uint64_t bytes) {
  constexpr std::uint64_t kEntryBytes = 1024;
  constexpr std::uint64_t kBatch = 256;
  const std::string filler(kEntryBytes, 'x');
  for (std::uint64_t poured = 0; poured < bytes; poured += kBatch * kEntryBytes) {
    raft::Entries entries;
    for (std::uint64_t i = 0; i < kBatch; ++i) {
      // Not a command: what counts here is its size.
      entries.push_back(
          {raft::Index(++index), raft::Term(1), raft::EntryType::kNoop, raft::Payload(filler)});
    }
    replica.append_and_apply(entries);
  }
}

/// The cost of checkpoints in the first and in the last quarter.
std::pair<Cost, Cost> pour_all(TestReplica& replica, std::uint64_t& index, std::uint64_t bytes) {
  const auto cost = [&](std::uint64_t part) {
    const DiskCounters before = replica.disk().counters();
    pour(replica, index, part);
    const DiskCounters after = replica.disk().counters();
    return Cost{after.checkpoints - before.checkpoints,
                after.checkpoint_bytes - before.checkpoint_bytes};
  };
  const Cost first = cost(bytes / 4);
  cost(bytes / 2);
  return {first, cost(bytes / 4)};
}

void check_bounds(std::uint64_t bytes) {
  TemporaryDirectory directory;
  DiskOptions options;
  options.path = directory.path();
  options.map_bytes = 64 << 20;
  TestReplica replica(options);
  std::uint64_t index = 0;
  const auto [first, last] = pour_all(replica, index, bytes);
  MESSAGE(index << " entries, " << (bytes >> 20) << " MiB: " << first.checkpoints
                << " checkpoints of " << first.each() << " bytes in the first quarter, "
                << last.checkpoints << " of " << last.each() << " in the last; data.mdb "
                << database_bytes(options) << " bytes, of which "
                << replica.disk().space().used_bytes << " used");
  CHECK(last.each() < first.each() * 3 / 2);
  CHECK(database_bytes(options) < 32 << 20);
  CHECK(replica.compacted() > raft::Index(index / 2));
  CHECK_FALSE(replica.disk().space().low);
  CHECK(replica.fetch(1, 10).empty());
  CHECK(replica.fetch_all(index - 10, index).size() == 11);
}

}  // namespace

TEST_CASE("hundreds of megabytes go through a map of 64, at a constant cost a checkpoint") {
  check_bounds(300 << 20);
}

// By hand: test_store --no-skip -tc="a million*"
TEST_CASE("a million entries, a gibibyte, go through a map of 64 megabytes" * doctest::skip()) {
  check_bounds(std::uint64_t{1} << 30);
}

TEST_CASE("fetching and making snapshots while the log is compacted does not let the file grow") {
  TemporaryDirectory directory;
  DiskOptions options;
  options.path = directory.path();
  options.map_bytes = 32 << 20;
  TestReplica replica(options);
  std::uint64_t index = 0;
  int answered = 0;
  int asked = 0;
  raft::FetchChunk chunk;
  chunk.max_bytes = 1000;
  while (index < 2000) {
    ++index;
    replica.append_and_apply({large_entry(index, 1, 40'000)});
    raft::FetchEntries request;
    request.from = raft::Index(index > 300 ? index - 300 : 1);
    request.to = raft::Index(index);
    request.max_bytes = 100'000;
    ++asked;
    replica.disk().fetch(request, [&, from = request.from](raft::Entries entries) {
      ++answered;
      if (!entries.empty()) {
        CHECK(entries.front().index == from);
      } else {
        CHECK(from <= replica.compacted() + 400);
      }
    });
    if (index % 50 == 0) {
      chunk.mark.reset();
      CHECK(replica.fetch_chunk(chunk).has_value());
    }
  }
  replica.loop().run_until([&] { return answered == asked; });
  CHECK(database_bytes(options) <= options.map_bytes);
  CHECK(replica.disk().space().free_bytes > options.map_bytes / 4);
  CHECK(replica.disk().counters().snapshots_made > 1);
}

TEST_CASE("a full map stops saves with everything kept, and room lets them go on") {
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 4 << 20;
  raft::Entries log;
  {
    TestReplica replica(options);
    std::uint64_t index = 0;
    bool saved = true;
    // Nothing is applied, so that nothing can be compacted.
    while (saved) {
      ++index;
      const raft::Entry entry = large_entry(index, 1, 20'000);
      saved = false;
      replica.disk().save(save_of({entry}), [&] { saved = true; });
      replica.loop().run_until([&] { return saved || replica.disk().space().full; });
      if (!saved && replica.disk().space().full) {
        // There may still be room in the journal.
        std::uint64_t rounds = 0;
        replica.loop().run_until([&] { return saved || ++rounds > 4; });
      }
      log.push_back(entry);
      REQUIRE(index < 1000);
    }
    CHECK(replica.disk().space().full);
    CHECK(replica.disk().space().low);
    // The last save was not acknowledged; all before it were.
  }
  {
    const std::uint64_t acknowledged = log.size() - 1;
    options.map_bytes = 8 << 20;
    TestReplica replica(options);
    CHECK(replica.opened().restored.last_index >= raft::Index(acknowledged));
    CHECK(difference(replica.disk(), log) == "");
    CHECK_FALSE(replica.disk().space().full);
    // Once applied, the log can be compacted and all goes on, for ever.
    replica.apply(replica.opened().restored.entries);
    std::uint64_t index = replica.opened().restored.last_index.value;
    for (int i = 0; i < 400; ++i) {
      replica.append_and_apply({large_entry(++index, 1, 20'000)});
    }
    CHECK_FALSE(replica.disk().space().low);
  }
}

TEST_CASE("a map that fills recovers by itself when the log may be compacted") {
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 4 << 20;
  options.log_tail_bytes = 100 << 20;  // asks for more than the map can hold
  TestReplica replica(options);
  bool was_full = false;
  for (std::uint64_t index = 1; index < 600; ++index) {
    bool saved = false;
    replica.disk().save(save_of({large_entry(index, 1, 20'000)}), [&] { saved = true; });
    replica.loop().run_until([&] {
      was_full = was_full || replica.disk().space().full;
      return saved;
    });
    replica.apply({large_entry(index, 1, 20'000)});
  }
  CHECK(was_full);
  replica.loop().run_until([&] { return !replica.disk().space().full; });
}

TEST_CASE("space that was low is found again while nothing is saved") {
  TemporaryDirectory directory;
  TestReplica replica(small_options(directory.path()));
  replica.append_and_apply({take_entry(1, 1, {""})});
  replica.checkpoint();
  CHECK_FALSE(replica.disk().space().low);
  {
    const Telling telling(Told::kNothingLeft);
    replica.checkpoint();
    CHECK(replica.disk().space().low);
  }
  replica.loop().run_until([&] { return !replica.disk().space().low; });
}

TEST_CASE("a file system that does not tell what it has left is not taken for a full one") {
  TemporaryDirectory directory;
  const Telling telling(Told::kError);
  TestReplica replica(small_options(directory.path()));
  replica.append_and_apply({take_entry(1, 1, {""})});
  replica.checkpoint();
  CHECK_FALSE(replica.disk().space().low);
  told = Told::kNothingLeft;
  replica.checkpoint();
  CHECK(replica.disk().space().low);
  told = Told::kError;
  replica.checkpoint();
  CHECK(replica.disk().space().low);  // as it told last
}

TEST_CASE("while space is low a backlog of the log is compacted though nothing is saved") {
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 32 << 20;
  options.log_tail_bytes = 30 << 20;
  constexpr std::uint64_t kEntries = 200;
  {
    TestReplica replica(options);
    for (std::uint64_t index = 1; index <= kEntries; ++index) {
      replica.append_and_apply({large_entry(index, 1, 40'000)});
    }
  }
  options.log_tail_bytes = 100'000;
  const Telling telling(Told::kNothingLeft);
  TestReplica replica(options);
  CHECK(replica.disk().space().low);
  CHECK(replica.compacted() < raft::Index(kEntries / 2));
  replica.loop().run_until([&] { return replica.compacted() > raft::Index(kEntries - 10); });
  CHECK(replica.fetch(kEntries, kEntries).size() == 1);
}

TEST_CASE("a full node opens by compacting below the log's tail") {
  TemporaryDirectory directory;
  TemporaryDirectory copied;
  DiskOptions options = small_options(directory.path());
  options.map_bytes = 4 << 20;
  options.log_tail_bytes = 100 << 20;  // asks for more than the map can hold
  raft::Entries log;
  const auto next = [&] {
    log.push_back(large_entry(log.size() + 1, 1, 20'000));
    return raft::Entries{log.back()};
  };
  {
    TestReplica replica(options);
    while (replica.disk().space().free_bytes > 180'000) {
      replica.append_and_apply(next());
      replica.checkpoint();
    }
    CHECK(replica.compacted() == raft::Index(0));
  }
  // More than that goes into one half of the journal, before any checkpoint.
  options.checkpoint_bytes = 64 << 20;
  options.checkpoint_interval_us = 3'600'000'000;
  TestReplica replica(options);
  for (int i = 0; i < 12; ++i) {
    replica.save(save_of(next()));
  }
  CHECK(replica.disk().counters().checkpoints == 0);
  DiskOptions copy = options;
  copy.path = copied.path() + "/node";
  std::filesystem::copy(options.path, copy.path, std::filesystem::copy_options::recursive);
  TestReplica again(copy);
  CHECK(again.compacted() > raft::Index(0));
  CHECK(again.opened().restored.last_index == log.back().index);
  CHECK(difference(again.disk(), log) == "");
}

}  // namespace ticketd::store::testing
