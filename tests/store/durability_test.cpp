// What each level of durability costs, and what it keeps.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "store/journal_format.h"
#include "store/worker.h"
#include "tests/store/fixture.h"

namespace ticketd::store::testing {
namespace {

constexpr std::uint64_t kEntries = 40;

DiskOptions options_of(const std::string& path, Durability durability,
                       const std::string& boot_id = "first boot") {
  DiskOptions options = small_options(path);
  options.checkpoint_interval_us = 60'000'000;  // the journal alone is asked
  options.durability = durability;
  options.boot_id = boot_id;
  return options;
}

raft::Entries entries_up_to(std::uint64_t last) {
  raft::Entries entries;
  for (std::uint64_t index = 1; index <= last; ++index) {
    entries.push_back(take_entry(index, 1, {"a"}));
  }
  return entries;
}

Identity admitted_identity(std::uint64_t incarnation) {
  Identity identity;
  identity.node = raft::NodeId(7);
  identity.incarnation = raft::Incarnation(incarnation);
  return identity;
}

raft::Save entry_save(std::uint64_t index) {
  raft::Save save;
  save.entries = {take_entry(index, 1, {"a"})};
  return save;
}

/// One entry after the other is acknowledged, and then the process is gone.
void killed_after_saving(const DiskOptions& options) {
  const pid_t child = ::fork();
  if (child == 0) {
    TestReplica replica(options);
    if (!replica.disk().set_identity(admitted_identity(1)).ok()) ::_exit(1);
    for (std::uint64_t index = 1; index <= kEntries; ++index) {
      replica.save(index == 1 ? save_of(entries_up_to(1)) : entry_save(index));
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
}

std::uint64_t flushes(TestReplica& replica) { return replica.disk().counters().journal_flushes; }

std::uint64_t flushes_of(TestReplica& replica, raft::Save save) {
  const std::uint64_t before = flushes(replica);
  replica.save(std::move(save));
  return flushes(replica) - before;
}

/// Notes how late its alarm is to go off.
class AlarmedWriter final : public Executor {
 public:
  explicit AlarmedWriter(std::vector<std::chrono::microseconds>& alarms) : alarms_(alarms) {}
  void post(Job job) override { worker_.post(std::move(job)); }
  void set_alarm(std::chrono::microseconds delay, Job job) override {
    alarms_.push_back(delay);
    worker_.set_alarm(delay, std::move(job));
  }
  void stop() override { worker_.stop(); }

 private:
  std::vector<std::chrono::microseconds>& alarms_;
  Worker worker_;
};

/// In the journal, of all epochs.
RecordHeader last_record(const std::string& path) {
  const std::string bytes = read_text(path + "/journal");
  const Result<JournalShape> shape =
      decode_journal_header(std::string_view(bytes).substr(0, kBlockBytes));
  REQUIRE(shape.ok());
  RecordHeader last;
  for (std::uint64_t at = kBlockBytes; at < bytes.size(); at += kBlockBytes) {
    const std::optional<Record> record = find_record(std::string_view(bytes).substr(at), shape->id);
    if (record && record->header.sequence > last.sequence) last = record->header;
  }
  return last;
}

}  // namespace

TEST_CASE("durability: a process that is killed loses nothing at any level") {
  for (const Durability level : {Durability::kHigh, Durability::kMedium, Durability::kLow}) {
    CAPTURE(to_string(level));
    TemporaryDirectory directory;
    const DiskOptions options = options_of(directory.path(), level);
    killed_after_saving(options);
    for (int start = 0; start < 2; ++start) {
      TestReplica replica(options);
      CHECK_FALSE(replica.opened().doubtful);
      CHECK(difference(replica.disk(), entries_up_to(kEntries)) == "");
    }
  }
}

TEST_CASE("durability: below high, whoever did not end well before another boot is in doubt") {
  for (const Durability level : {Durability::kHigh, Durability::kMedium, Durability::kLow}) {
    CAPTURE(to_string(level));
    TemporaryDirectory directory;
    killed_after_saving(options_of(directory.path(), level));
    const DiskOptions later = options_of(directory.path(), Durability::kHigh, "second boot");
    for (int start = 0; start < 2; ++start) {  // looking at it does not end the doubt
      TestReplica replica(later);
      CHECK(replica.opened().doubtful == (level != Durability::kHigh));
    }
  }
}

TEST_CASE("durability: a clean end leaves no doubt, and nor does a boot that is not known") {
  TemporaryDirectory directory;
  for (const char* boot : {"first boot", "second boot", ""}) {
    TestReplica replica(options_of(directory.path(), Durability::kLow, boot));
    CHECK_FALSE(replica.opened().doubtful);
    const std::uint64_t next = replica.opened().restored.last_index.value + 1;
    replica.save(next == 1 ? save_of(entries_up_to(1)) : entry_save(next));
  }
  TestReplica replica(options_of(directory.path(), Durability::kHigh, ""));
  CHECK_FALSE(replica.opened().doubtful);
  CHECK(difference(replica.disk(), entries_up_to(3)) == "");
}

TEST_CASE("durability: an end that was not clean, and no known boot, is a doubt") {
  TemporaryDirectory directory;
  killed_after_saving(options_of(directory.path(), Durability::kMedium, ""));
  TestReplica replica(options_of(directory.path(), Durability::kMedium, ""));
  CHECK(replica.opened().doubtful);
}

TEST_CASE("durability: terms, votes and configurations are flushed at every level") {
  for (const Durability level : {Durability::kMedium, Durability::kLow}) {
    CAPTURE(to_string(level));
    TemporaryDirectory directory;
    TestReplica replica(options_of(directory.path(), level));
    CHECK(flushes_of(replica, save_of(entries_up_to(1))) == 1);  // a term
    raft::Save vote;
    vote.hard_state = hard_state_of(1);
    vote.hard_state->has_voted = true;
    vote.hard_state->voted_for = {raft::NodeId(1), raft::Incarnation(1)};
    CHECK(flushes_of(replica, vote) == 1);
    vote.entries = {configuration_entry(2, 1, 3)};
    CHECK(flushes_of(replica, vote) == 1);
  }
}

TEST_CASE("durability: low leaves the rest to checkpoints, medium flushes it soon") {
  TemporaryDirectory directory;
  {
    TestReplica replica(options_of(directory.path(), Durability::kLow));
    replica.save(save_of(entries_up_to(1)));
    for (std::uint64_t index = 2; index <= kEntries; ++index) {
      replica.save(entry_save(index));
    }
    CHECK(flushes(replica) == 1);
  }
  TestReplica replica(options_of(directory.path(), Durability::kMedium));
  const std::uint64_t before = flushes(replica);
  replica.save(entry_save(kEntries + 1));
  replica.loop().run_until([&] { return flushes(replica) > before; });
}

TEST_CASE("durability: a flush that is due waits for nobody but the writer") {
  TemporaryDirectory directory;
  std::vector<std::chrono::microseconds> alarms;
  TestLoop loop;
  auto disk = LmdbDisk::open(
      **DirectoryLock::acquire(directory.path(), true),
      options_of(directory.path(), Durability::kMedium),
      [&](std::function<void()> function) { loop.post(std::move(function)); },
      [&] { return std::make_unique<AlarmedWriter>(alarms); });
  REQUIRE(disk.ok());
  int saved = 0;
  (*disk)->save(save_of(entries_up_to(1)), [&] { ++saved; });
  loop.run_until([&] { return saved == 1; });
  CHECK(alarms.empty());  // it was flushed at once, for its term
  (*disk)->save(entry_save(2), [&] { ++saved; });
  REQUIRE(alarms.size() == 1);
  CHECK(alarms.front() <= std::chrono::milliseconds(100));
  loop.run_until([&] { return saved == 2 && (*disk)->counters().journal_flushes == 2; });
  CHECK(alarms.size() == 1);
  (*disk)->close();
}

TEST_CASE(
    "durability: what a checkpoint has stored is flushed, as far as the journal's records know") {
  TemporaryDirectory directory;
  DiskOptions options = options_of(directory.path(), Durability::kLow);
  options.checkpoint_interval_us = 2'000;
  TestReplica replica(options);
  replica.save(save_of(entries_up_to(1)));
  for (std::uint64_t index = 2; index <= kEntries; ++index) {
    replica.save(entry_save(index));
  }
  replica.checkpoint();
  replica.save(entry_save(kEntries + 1));
  CHECK(flushes(replica) == 1);
  CHECK(last_record(directory.path()).unflushed == 0);
}

TEST_CASE("durability: a doubtful directory begins anew as another incarnation") {
  TemporaryDirectory directory;
  killed_after_saving(options_of(directory.path(), Durability::kMedium));
  DiskOptions options = options_of(directory.path(), Durability::kMedium, "second boot");
  options.checkpoint_interval_us = 2'000;
  Identity asking = admitted_identity(0);
  asking.join_token = 99;
  asking.replace = true;
  {
    TestReplica replica(options);
    REQUIRE(replica.opened().doubtful);
    CHECK_FALSE(replica.opened().readmission);
    REQUIRE(replica.disk().set_readmission(asking).ok());
  }
  Identity admitted = asking;
  admitted.incarnation = raft::Incarnation(1'234);
  {
    TestReplica replica(options);
    REQUIRE(replica.opened().doubtful);
    CHECK(replica.opened().readmission == asking);
    CHECK(replica.opened().restored.last_index > raft::Index(0));
    REQUIRE(replica.disk().begin_anew(admitted).ok());
  }
  {
    TestReplica replica(options);
    CHECK_FALSE(replica.opened().doubtful);
    CHECK_FALSE(replica.opened().readmission);
    CHECK(replica.opened().identity == admitted);
    CHECK(replica.opened().restored.hard_state == raft::HardState{});
    CHECK(difference(replica.disk(), {}) == "");
    replica.append_and_apply(entries_up_to(3));
    replica.checkpoint();
  }
  TestReplica replica(options);
  CHECK(difference(replica.disk(), entries_up_to(3)) == "");
}

}  // namespace ticketd::store::testing
