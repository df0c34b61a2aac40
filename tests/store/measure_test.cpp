// Figures for docs/storage.md. By hand:
//   TMPDIR=/tmp build/release/tests/store/test_store --no-skip -tc="measure*"
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "store/file.h"
#include "tests/store/fixture.h"

namespace ticketd::store::testing {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Beside every figure of a save stands one of the bare disk taken right before each save: disks of
/// virtual machines are throttled, and differ by a factor of forty from one minute to the next.
class BareFlush {
 public:
  explicit BareFlush(const std::string& path)
      : file_(File::open(path + "/bare", File::Mode::kCreate).value()) {
    REQUIRE(file_.write(0, std::string(kBytes, 'x')).ok());
    REQUIRE(file_.sync().ok());
  }
  /// Microseconds for one write of 4096 bytes to blocks that are there, and one fdatasync.
  double measure() {
    offset_ = (offset_ + kBlock) % kBytes;
    const Clock::time_point start = Clock::now();
    REQUIRE(file_.write(offset_, std::string(kBlock, 'y')).ok());
    REQUIRE(file_.sync().ok());
    return seconds_since(start) * 1e6;
  }

 private:
  static constexpr std::uint64_t kBytes = 32 << 20;
  static constexpr std::uint64_t kBlock = 4096;
  File file_;
  std::uint64_t offset_ = 0;
};

DiskOptions default_options(const std::string& path) {
  DiskOptions options;
  options.path = path;
  return options;
}

void measure_saves(std::size_t entries_each, std::size_t saves) {
  TemporaryDirectory directory;
  TemporaryDirectory beside;
  BareFlush bare(beside.path());
  const Clock::time_point opening = Clock::now();
  TestReplica replica(default_options(directory.path()));
  const double opened = seconds_since(opening);
  std::uint64_t index = 0;
  std::vector<double> each;
  std::vector<double> bare_each;
  for (std::size_t i = 0; i < saves; ++i) {
    raft::Entries entries;
    for (std::size_t j = 0; j < entries_each; ++j) {
      ++index;
      entries.push_back(take_entry(index, 1, {""}));
    }
    bare_each.push_back(bare.measure());
    const Clock::time_point start = Clock::now();
    replica.save(save_of(entries));
    each.push_back(seconds_since(start) * 1e6);
    replica.apply(entries);
  }
  MESSAGE("new directory opened in "
          << opened * 1e3 << " ms; " << saves << " saves of " << entries_each << " entries: median "
          << median(each) << " us, the bare flush beside it " << median(bare_each) << " us; "
          << replica.disk().counters().checkpoints << " checkpoints");
}

void fill(const DiskOptions& options, std::uint64_t sequences) {
  TestReplica replica(options);
  constexpr std::uint64_t kEach = 2000;
  for (std::uint64_t index = 1; index * kEach <= sequences; ++index) {
    std::vector<std::string> names;
    for (std::uint64_t i = 0; i < kEach; ++i) {
      names.push_back("tenant/" + std::to_string((index * kEach + i) * 2654435761 % 4294967296));
    }
    replica.append_and_apply({take_entry(index, 1, names)});
  }
  replica.checkpoint();
}

}  // namespace

TEST_CASE("measure: one save after the other" * doctest::skip()) {
  measure_saves(1, 5000);
  measure_saves(100, 2000);
}

TEST_CASE("measure: a million sequences" * doctest::skip()) {
  TemporaryDirectory directory;
  TemporaryDirectory other;
  fill(default_options(directory.path()), 1'000'000);
  const Clock::time_point opening = Clock::now();
  TestReplica sender(default_options(directory.path()));
  MESSAGE("opened and verified in " << seconds_since(opening) << " s, "
                                    << (sender.disk().space().used_bytes >> 20) << " MiB used");
  const Clock::time_point making = Clock::now();
  raft::FetchChunk first;
  first.max_bytes = 1;
  const auto chunk = sender.fetch_chunk(first);
  REQUIRE(chunk.has_value());
  MESSAGE("snapshot of " << (chunk->total_bytes >> 20) << " MiB made in " << seconds_since(making)
                         << " s");
  const std::vector<raft::SnapshotChunk> chunks = sender.fetch_snapshot(1 << 20);
  TestReplica receiver(default_options(other.path()));
  const Clock::time_point staging = Clock::now();
  for (const raft::SnapshotChunk& piece : chunks) {
    receiver.stage(piece);
  }
  MESSAGE("staged in " << seconds_since(staging) << " s");
  const Clock::time_point installing = Clock::now();
  REQUIRE(receiver.install(chunks.front().mark).has_value());
  MESSAGE("verified and put in force in " << seconds_since(installing) << " s");
}

}  // namespace ticketd::store::testing
