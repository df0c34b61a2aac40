// An fdatasync that fails, wherever it is called: this program's own takes the place of the C
// library's, for the store and for LMDB.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "store/durable.h"
#include "store/file.h"
#include "tests/store/fixture.h"

namespace {

/// 0: never. 1: the next one.
std::atomic<int> syncs_until_failure{0};

}  // namespace

extern "C" int fdatasync(int descriptor) {
  if (syncs_until_failure > 0 && --syncs_until_failure == 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}

namespace ticketd::store::testing {
namespace {

constexpr int kRefused = 3;

/// In a child: saves one entry after the other, each acknowledged by a byte.
[[noreturn]] void save_until_the_end(const DiskOptions& options, int failing_sync, int tell) {
  const int sink = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(sink, STDERR_FILENO);
  syncs_until_failure = failing_sync;
  TestLoop loop;
  Result<std::unique_ptr<LmdbDisk>> disk = open_disk(options, loop);
  if (!disk) {
    ::_exit(kRefused);
  }
  for (std::uint64_t index = 1; index <= 40; ++index) {
    bool saved = false;
    (*disk)->save(save_of({take_entry(index, 1, {""})}), [&] { saved = true; });
    loop.run_until([&] { return saved; });
    if (::write(tell, "s", 1) != 1) {
      ::_exit(1);
    }
  }
  (*disk)->close();
  ::_exit(0);
}

}  // namespace

TEST_CASE("a flush that fails behind what was acknowledged leaves the node in doubt") {
  TemporaryDirectory directory;
  DiskOptions options = small_options(directory.path());
  options.checkpoint_interval_us = 60'000'000;
  options.boot_id = "one boot";
  Identity admitted;
  admitted.node = raft::NodeId(1);
  admitted.incarnation = raft::Incarnation(1);
  for (const Durability level : {Durability::kMedium, Durability::kHigh}) {
    CAPTURE(to_string(level));
    options.durability = level;
    const pid_t child = ::fork();
    if (child == 0) {
      const int sink = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      ::dup2(sink, STDERR_FILENO);
      TestReplica replica(options);
      if (!replica.disk().set_identity(admitted).ok()) ::_exit(1);
      const std::uint64_t next = replica.opened().restored.last_index.value + 1;
      replica.save(save_of({take_entry(next, 1, {"a"})}));
      syncs_until_failure = 1;
      raft::Save save;
      save.entries = {take_entry(next + 1, 1, {"a"})};
      replica.save(std::move(save));
      replica.loop().run_until([] { return false; });
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == kFatalExit);
    for (int start = 0; start < 2; ++start) {
      TestReplica replica(options);
      CHECK(replica.opened().doubtful == (level == Durability::kMedium));
    }
    TestReplica replica(options);
    if (!replica.opened().doubtful) continue;
    admitted.incarnation = raft::Incarnation(7);
    REQUIRE(replica.disk().begin_anew(admitted).ok());
  }
}

TEST_CASE("a failed fdatasync ends the process, with everything acknowledged kept") {
  bool came_to_the_end = false;
  int fatal_ends = 0;
  for (int k = 1; !came_to_the_end; ++k) {
    TemporaryDirectory directory;
    const DiskOptions options = small_options(directory.path());
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      save_until_the_end(options, k, pipe_ends[1]);
    }
    ::close(pipe_ends[1]);
    std::uint64_t acknowledged = 0;
    char byte = 0;
    while (::read(pipe_ends[0], &byte, 1) == 1) {
      ++acknowledged;
    }
    ::close(pipe_ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    const int code = WEXITSTATUS(status);
    CAPTURE(k);
    CHECK((code == 0 || code == kRefused || code == kFatalExit));
    came_to_the_end = code == 0;
    fatal_ends += code == kFatalExit ? 1 : 0;
    TestReplica replica(options);
    CHECK(replica.opened().restored.last_index >= raft::Index(acknowledged));
    REQUIRE(k < 1000);
  }
  CHECK(fatal_ends > 40);
}

}  // namespace ticketd::store::testing
