// A disk that is really full: a small file system in a mount namespace of its own.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "store/file.h"
#include "tests/store/fixture.h"

namespace ticketd::store::testing {
namespace {

constexpr int kNotAllowed = 77;

bool write_map(const char* path, const std::string& text) {
  const int descriptor = ::open(path, O_WRONLY | O_CLOEXEC);
  const bool written = descriptor >= 0 && ::write(descriptor, text.data(), text.size()) ==
                                              static_cast<ssize_t>(text.size());
  ::close(descriptor);
  return written;
}

/// For this process alone.
bool mount_small_disk(const std::string& path, const std::string& size) {
  const uid_t user = ::geteuid();
  if (user == 0) {
    if (::unshare(CLONE_NEWNS) != 0) {
      return false;
    }
  } else if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
             !write_map("/proc/self/uid_map", "0 " + std::to_string(user) + " 1")) {
    return false;
  }
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", path.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
}

void fill(const std::string& path, std::size_t bytes) {
  if (!File::open(path, File::Mode::kCreate).value().write(0, std::string(bytes, 'x'))) {
    throw std::runtime_error("the filler does not fit");
  }
}

void require(bool condition, const char* what) {
  if (!condition) {
    throw std::runtime_error(what);
  }
}

/// Runs it in a child on a disk of that size. Skipped where that is not allowed.
void on_small_disk(const std::string& size, const std::function<void(const std::string&)>& run) {
  TemporaryDirectory directory;
  const pid_t child = ::fork();
  if (child == 0) {
    if (!mount_small_disk(directory.path(), size)) {
      ::_exit(kNotAllowed);
    }
    try {
      run(directory.path());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "on the small disk: %s\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNotAllowed) {
    MESSAGE("skipped: no mount namespace allowed here");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace

TEST_CASE("a full disk stops saves with everything kept, and room lets them go on") {
  on_small_disk("12m", [](const std::string& path) {
    const std::string filler = path + "/filler";
    fill(filler, 6 << 20);
    DiskOptions options = small_options(path + "/node");
    options.map_bytes = 64 << 20;
    raft::Entries log;
    {
      TestReplica replica(options);
      require(replica.disk().space().low, "little room is told from the start");
      bool was_full = false;
      for (std::uint64_t index = 1; index <= 400; ++index) {
        log.push_back(large_entry(index, 1, 20'000));
        bool saved = false;
        replica.disk().save(save_of({log.back()}), [&] { saved = true; });
        replica.loop().run_until([&] {
          if (replica.disk().space().full) {
            was_full = true;
            std::filesystem::remove(filler);
          }
          return saved;
        });
      }
      require(was_full, "the disk was full once");
      require(replica.fetch_all(1, 400) == log, "all entries are there");
      replica.loop().run_until([&] { return !replica.disk().space().full; });
    }
    TestReplica replica(options);
    require(difference(replica.disk(), log).empty(), "all is there after a restart");
  });
}

TEST_CASE(
    "a disk too full for a journal is refused with a clear message, and works once there is room") {
  on_small_disk("2m", [](const std::string& path) {
    const std::string filler = path + "/filler";
    fill(filler, 1700 << 10);
    DiskOptions options = small_options(path + "/node");
    TestLoop loop;
    const auto disk = open_disk(options, loop);
    require(!disk.ok(), "it is refused");
    require(disk.error().message.find("No space left on device") != std::string::npos,
            disk.error().message.c_str());
    require(disk.error().message.find("journal") != std::string::npos,
            disk.error().message.c_str());
    std::filesystem::remove(filler);
    TestReplica replica(options);
    replica.append_and_apply({take_entry(1, 1, {""})});
  });
}

TEST_CASE("a snapshot that the disk has no room for is neither made nor received") {
  on_small_disk("12m", [](const std::string& path) {
    DiskOptions options = small_options(path + "/node");
    options.map_bytes = 64 << 20;
    TestReplica replica(options);
    replica.append_and_apply({large_entry(1, 1, 100'000)});
    replica.checkpoint();
    require(replica.fetch_snapshot().size() == 1, "one is made");
    fill(path + "/filler", 8 << 20);
    raft::SnapshotChunk chunk;
    chunk.mark = {raft::Index(100), raft::Term(1)};
    chunk.total_bytes = 4 << 20;
    chunk.data = raft::Payload(std::string(1000, 'x'));
    require(replica.stage(chunk) == 0, "it is not received");
  });
}

}  // namespace ticketd::store::testing
