// Figures for docs/storage.md. By hand:
//   TMPDIR=/tmp build/release/tests/store/test_store --no-skip -tc="measure*"
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <vector>

#include "base/random.h"
#include "store/file.h"
#include "store/layout.h"
#include "tests/store/fixture.h"
#include "ticket/records.h"

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

constexpr std::uint64_t kEach = 2000;

/// In no order.
std::string name_of(std::uint64_t number) {
  return "tenant/" + std::to_string((kEach + number) * 2654435761 % 4294967296);
}

void fill(const DiskOptions& options, std::uint64_t sequences) {
  TestReplica replica(options);
  for (std::uint64_t index = 1; index * kEach <= sequences; ++index) {
    std::vector<std::string> names;
    for (std::uint64_t i = 0; i < kEach; ++i) {
      names.push_back(name_of((index - 1) * kEach + i));
    }
    replica.append_and_apply({take_entry(index, 1, names)});
  }
  replica.checkpoint();
}

/// What the process has of its own, and what of the database's map is in its memory, in MiB.
std::string memory() {
  std::istringstream lines(read_text("/proc/self/status"));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    for (const char* name : {"RssAnon:", "RssFile:"}) {
      if (line.starts_with(name)) {
        text += std::string(name) + " " +
                std::to_string(std::stoul(line.substr(std::string(name).size())) >> 10) + " MiB ";
      }
    }
  }
  return text;
}

/// Lets the kernel forget what it holds of the file, but for pages that a process looks at.
void drop_from_memory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  CHECK(::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0);
  ::close(descriptor);
}

/// A disk whose loop notes how long it was busy at most with one thing.
class TimedDisk {
 public:
  explicit TimedDisk(const DiskOptions& options)
      : disk_(LmdbDisk::open(**DirectoryLock::acquire(options.path, true), options,
                             [this](std::function<void()> function) {
                               loop_.post([this, function = std::move(function)] {
                                 const Clock::time_point start = Clock::now();
                                 function();
                                 longest_ = std::max(longest_, seconds_since(start));
                               });
                             })
                  .value()) {}

  /// Seconds until they were warm.
  template <class What>
  double warm(What what) {
    longest_ = 0;
    bool done = false;
    const Clock::time_point start = Clock::now();
    disk_->warm(std::move(what), [&] { done = true; });
    loop_.run_until([&] { return done; });
    return seconds_since(start);
  }
  double longest() const { return longest_; }
  ticket::State& state() { return disk_->state(); }

 private:
  TestLoop loop_;
  double longest_ = 0;
  std::unique_ptr<LmdbDisk> disk_;
};

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
  REQUIRE(receiver.install(chunks.front().mark).ok());
  MESSAGE("verified and put in force in " << seconds_since(installing) << " s");
}

TEST_CASE("measure: warming some of two million sequences" * doctest::skip()) {
  constexpr std::uint64_t kSequences = 2'000'000;
  TemporaryDirectory directory;
  DiskOptions options = default_options(directory.path());
  // In a process of its own, so that what it takes is not counted.
  const pid_t child = ::fork();
  if (child == 0) {
    fill(options, kSequences);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  MESSAGE("before opening: " << memory());
  TimedDisk disk(options);
  MESSAGE("open: " << memory());
  const std::string database = in_directory(options.path, kDatabaseFile);
  Random random(1);
  const auto any_key = [&] { return ticket::sequence_key(name_of(random.below(kSequences))); };

  std::vector<double> cold;
  std::vector<double> found;
  double longest = 0;
  for (int i = 0; i < 200; ++i) {
    // Each time, since the kernel reads what lies around a page too.
    drop_from_memory(database);
    const std::string key = any_key();
    cold.push_back(disk.warm(std::vector<std::string>{key}) * 1e6);
    longest = std::max(longest, disk.longest());
    const Clock::time_point start = Clock::now();
    CHECK(disk.state().find(key).has_value());
    found.push_back(seconds_since(start) * 1e6);
  }
  std::sort(cold.begin(), cold.end());
  MESSAGE("200 times one cold key: median "
          << median(cold) << " us, 9th decile " << cold[179] << " us, the loop busy "
          << longest * 1e6 << " us at most; then found in " << median(found) << " us; "
          << memory());
  drop_from_memory(database);
  std::vector<std::string> keys;
  for (int i = 0; i < 10'000; ++i) {
    keys.push_back(any_key());
  }
  const double many = disk.warm(keys);
  MESSAGE("10,000 keys at once: " << many * 1e3 << " ms, the loop busy " << disk.longest() * 1e3
                                  << " ms at most; " << memory());
  drop_from_memory(database);
  const ticket::ListRange range = {ticket::sequence_key("tenant/3"), "", 1000};
  const double listed = disk.warm(range);
  const Clock::time_point start = Clock::now();
  CHECK(disk.state().list(range).size() == range.limit);
  MESSAGE("a range of 1,000: " << listed * 1e6 << " us, then listed in "
                               << seconds_since(start) * 1e6 << " us");
  for (std::uint64_t i = 0; i < kSequences; i += 1000) {
    std::vector<std::string> part;
    for (std::uint64_t j = 0; j < 1000; ++j) {
      part.push_back(ticket::sequence_key(name_of(i + j)));
    }
    disk.warm(std::move(part));
  }
  MESSAGE("when each was warm once: " << memory());
}

}  // namespace ticketd::store::testing
