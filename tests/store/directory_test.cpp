// Who holds a directory, and its end.
#include "store/directory.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "store/durable.h"
#include "store/file.h"
#include "store/schema.h"
#include "store/verify.h"
#include "tests/store/fixture.h"

namespace {

/// Of this thread's calls; null: not noted.
thread_local std::vector<std::string>* synced = nullptr;

}  // namespace

/// In place of the C library's.
extern "C" int fsync(int descriptor) {
  if (synced != nullptr) {
    synced->push_back(
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor)).string());
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace ticketd::store::testing {
namespace {

int steps_left = 0;

/// In a child: destroys, and dies before the k-th step. True when it came to its end.
bool destroy_in_child(const std::string& path, int k) {
  const pid_t child = ::fork();
  if (child == 0) {
    steps_left = k;
    set_durable_step_hook([](const char*) {
      if (--steps_left == 0) {
        ::_exit(9);
      }
    });
    Result<std::optional<DirectoryLock>> lock = DirectoryLock::acquire(path, false);
    ::_exit(lock.ok() && lock->has_value() && destroy(**std::move(lock)).ok() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) != 1);
  return WEXITSTATUS(status) == 0;
}

void fill(const DiskOptions& options) {
  TestReplica replica(options);
  replica.append_and_apply({take_entry(1, 1, {""})});
  replica.checkpoint();
  replica.fetch_snapshot();
}

}  // namespace

TEST_CASE("a directory is held by one, who tells where it is reached") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/deep/er";
  CHECK_FALSE(DirectoryLock::holder(path).has_value());
  CHECK_FALSE(DirectoryLock::acquire(path, false).ok());
  std::optional<DirectoryLock> lock = std::move(DirectoryLock::acquire(path, true).value());
  REQUIRE(lock.has_value());
  CHECK(lock->path() == path);
  CHECK_FALSE(DirectoryLock::acquire(path, true).value().has_value());
  std::optional<Holder> holder = DirectoryLock::holder(path);
  REQUIRE(holder.has_value());
  CHECK(holder->pid == ::getpid());
  CHECK(holder->peer_address == "");
  CHECK(lock->announce("node-1.example:7001").ok());
  CHECK(lock->announce("node-1:7001").ok());
  CHECK(DirectoryLock::holder(path)->peer_address == "node-1:7001");
  lock.reset();
  CHECK_FALSE(DirectoryLock::holder(path).has_value());
  CHECK(DirectoryLock::acquire(path, false).value().has_value());
}

/// A child of this process that waits for something.
bool child_waits() {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children(task.path() / "children");
    for (pid_t child = 0; children >> child;) {
      std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
      std::string number, name, state;
      stat >> number >> name >> state;
      if (state == "S") return true;
    }
  }
  return false;
}

TEST_CASE("the process that verifies does not hold the directory when its parent is gone") {
  TemporaryDirectory directory;
  std::optional<DirectoryLock> lock =
      std::move(DirectoryLock::acquire(directory.path(), true).value());
  REQUIRE(lock);
  // A pipe that nobody writes to: whoever opens it waits.
  const std::string pipe = directory.path() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::thread verifying([&] { CHECK_FALSE(verify_database(pipe).ok()); });
  while (!child_waits()) std::this_thread::yield();
  // What remains of a process that was killed.
  lock.reset();
  CHECK(DirectoryLock::acquire(directory.path(), false).value().has_value());
  ::close(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));
  verifying.join();
}

TEST_CASE("a holder that was killed holds nothing") {
  TemporaryDirectory directory;
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const Result<std::optional<DirectoryLock>> lock =
        DirectoryLock::acquire(directory.path(), true);
    const char taken = lock.ok() && lock->has_value() ? 'y' : 'n';
    if (::write(pipe_ends[1], &taken, 1) != 1) {
      ::_exit(1);
    }
    while (true) {
      ::pause();
    }
  }
  char taken = 0;
  REQUIRE(::read(pipe_ends[0], &taken, 1) == 1);
  CHECK(taken == 'y');
  CHECK_FALSE(DirectoryLock::acquire(directory.path(), true).value().has_value());
  CHECK(DirectoryLock::holder(directory.path())->pid == child);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK_FALSE(DirectoryLock::holder(directory.path()).has_value());
  CHECK(DirectoryLock::acquire(directory.path(), true).value().has_value());
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST_CASE("an open disk holds its directory until it is closed") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  TestReplica replica(options);
  TestLoop loop;
  CHECK_FALSE(open_disk(options, loop).ok());
  replica.close();
  CHECK(open_disk(options, loop).ok());
}

TEST_CASE("destroy removes the node's files and nothing else") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/node";
  const DiskOptions options = small_options(path);
  CHECK_FALSE(holds_data(path));
  fill(options);
  CHECK(holds_data(path));
  SUBCASE("alone in its directory") {
    CHECK(destroy(**DirectoryLock::acquire(path, false)).ok());
    CHECK_FALSE(exists(path));
  }
  SUBCASE("beside another's file") {
    std::ofstream(path + "/notes.txt") << "mine";
    CHECK(destroy(**DirectoryLock::acquire(path, false)).ok());
    CHECK(list_directory(path) == std::vector<std::string>{"notes.txt"});
  }
}

namespace {

/// The database of some other program that uses LMDB too.
void make_foreign_database(const std::string& path) {
  std::filesystem::create_directories(path);
  Environment environment({path, 1 << 20});
  WriteTransaction transaction(environment);
  // Even of the same form: a value without its hash.
  transaction.put(transaction.open_table("meta"), kSchemaKey, encode_schema());
  transaction.commit();
}

}  // namespace

TEST_CASE("destroy refuses what is not ticketd's, and removes nothing") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/theirs";
  std::filesystem::create_directories(path);
  SUBCASE("an LMDB database") { make_foreign_database(path); }
  SUBCASE("a file called data.mdb") { std::ofstream(path + "/data.mdb") << "mine"; }
  SUBCASE("an empty file called data.mdb") { std::ofstream(path + "/data.mdb"); }
  SUBCASE("a file called journal") { std::ofstream(path + "/journal") << "Dear diary"; }
  SUBCASE("both") {
    make_foreign_database(path);
    std::ofstream(path + "/journal") << "tkj";
  }
  CHECK(holds_data(path));
  std::optional<DirectoryLock> lock = std::move(DirectoryLock::acquire(path, false).value());
  REQUIRE(lock.has_value());
  const std::vector<std::string> before = list_directory(path);
  const Status destroyed = destroy(*std::move(lock));
  REQUIRE_FALSE(destroyed.ok());
  CHECK(destroyed.error().message.find("not ticketd's") != std::string::npos);
  CHECK(destroyed.error().message.find(path) != std::string::npos);
  CHECK(list_directory(path) == before);
}

TEST_CASE("destroy takes one mark of ticketd for enough") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/node";
  const DiskOptions options = small_options(path);
  fill(options);
  SUBCASE("the database alone") { std::filesystem::remove(path + "/journal"); }
  SUBCASE("the journal alone") { std::filesystem::remove(path + "/data.mdb"); }
  SUBCASE("a journal beside a damaged database") { std::ofstream(path + "/data.mdb") << "gone"; }
  SUBCASE("a damaged journal beside a database of another schema") {
    std::ofstream(path + "/journal") << "gone";
    Environment environment({path, options.map_bytes});
    WriteTransaction transaction(environment);
    const std::string_view schema("\x01\0\0\0", 4);
    put_value(transaction, open_tables(transaction).meta, kSchemaKey, schema);
    transaction.commit();
  }
  CHECK(destroy(**DirectoryLock::acquire(path, false)).ok());
  CHECK_FALSE(exists(path));
}

TEST_CASE("a destroy that is cut short leaves a directory plainly whole or plainly empty") {
  TemporaryDirectory directory;
  bool finished = false;
  int wholes = 0;
  int empties = 0;
  for (int k = 1; !finished; ++k) {
    const std::string path = directory.path() + "/node-" + std::to_string(k);
    const DiskOptions options = small_options(path);
    fill(options);
    finished = destroy_in_child(path, k);
    if (finished) {
      CHECK_FALSE(exists(path));
      break;
    }
    const bool whole = holds_data(path);
    ++(whole ? wholes : empties);
    TestReplica replica(options);
    CHECK(replica.opened().restored.last_index == raft::Index(whole ? 1 : 0));
  }
  CHECK(wholes == 1);
  CHECK(empties > 2);
}

TEST_CASE("every directory that is made on the way is made durable") {
  TemporaryDirectory directory;
  const std::string root = std::filesystem::canonical(directory.path()).string();
  std::vector<std::string> paths;
  synced = &paths;
  const bool acquired = DirectoryLock::acquire(root + "/a/b/c", true).ok();
  synced = nullptr;
  CHECK(acquired);
  CHECK(paths == std::vector<std::string>{root, root + "/a", root + "/a/b"});
}

}  // namespace ticketd::store::testing
