// A process that dies before its k-th durable step, for every k: what was acknowledged is there,
// and every change is there wholly or not at all.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <new>

#include "store/durable.h"
#include "tests/store/fixture.h"

namespace ticketd::store::testing {
namespace {

constexpr int kDied = 9;

/// What the child tells although it dies.
struct Told {
  /// How many operations of the script were acknowledged.
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<long> steps_left{0};
  std::atomic<std::uint64_t> steps{0};
  char step[64] = {};
};

class SharedTold {
 public:
  SharedTold()
      : told_(new (::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                          -1, 0)) Told) {}
  ~SharedTold() { ::munmap(told_, sizeof(Told)); }
  Told* operator->() { return told_; }
  Told* get() { return told_; }

 private:
  Told* told_;
};

Told* told_by_child = nullptr;

/// What the directory must hold after a number of operations.
struct Model {
  raft::Entries log;
  raft::HardState hard_state;
  bool identity = false;
};

struct Operation {
  std::function<void(std::optional<TestReplica>&)> run;
  std::function<void(Model&)> model;
};

using Script = std::vector<Operation>;

void run_script(const DiskOptions& options, const Script& script, Told& told) {
  told_by_child = &told;
  set_durable_step_hook([](const char* step) {
    ++told_by_child->steps;
    if (--told_by_child->steps_left == 0) {
      std::strncpy(told_by_child->step, step, sizeof told_by_child->step - 1);
      ::_exit(kDied);
    }
  });
  std::optional<TestReplica> replica(std::in_place, options);
  for (const Operation& operation : script) {
    operation.run(replica);
    ++told.acknowledged;
  }
}

Model model_after(const Script& script, std::uint64_t operations) {
  Model model;
  for (std::uint64_t i = 0; i < operations && i < script.size(); ++i) {
    script[i].model(model);
  }
  return model;
}

std::string difference_from(LmdbDisk& disk, const Model& model) {
  if (disk.opened().restored.last_index !=
      (model.log.empty() ? raft::Index(0) : model.log.back().index)) {
    return "last index " + std::to_string(disk.opened().restored.last_index.value);
  }
  if (disk.opened().restored.hard_state != model.hard_state) {
    return "hard state";
  }
  if (disk.opened().identity.has_value() != model.identity) {
    return "identity";
  }
  return difference(disk, model.log);
}

/// Returns the number of steps that the whole script takes.
std::uint64_t crash_everywhere(const DiskOptions& base, const Script& script) {
  SharedTold told;
  for (long k = 1;; ++k) {
    TemporaryDirectory directory;
    DiskOptions options = base;
    options.path = directory.path();
    new (told.get()) Told;
    told->steps_left = k;
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        run_script(options, script, *told.get());
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(1);
      }
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    const bool died = WEXITSTATUS(status) == kDied;
    REQUIRE((died || WEXITSTATUS(status) == 0));

    // Twice: the second start must find what the first one left.
    for (int i = 0; i < 2; ++i) {
      TestReplica replica(options);
      const std::string before =
          difference_from(replica.disk(), model_after(script, told->acknowledged));
      const std::string after =
          difference_from(replica.disk(), model_after(script, told->acknowledged + 1));
      CAPTURE(k);
      CAPTURE(told->step);
      CAPTURE(told->acknowledged);
      CAPTURE(before);
      CAPTURE(after);
      CHECK((before.empty() || after.empty()));
    }
    if (!died) {
      return told->steps;
    }
  }
}

Operation save_operation(raft::Save save) {
  return {[save](std::optional<TestReplica>& replica) { replica->save(save); },
          [save](Model& model) {
            if (save.hard_state) {
              model.hard_state = *save.hard_state;
            }
            for (const raft::Entry& entry : save.entries) {
              model.log.resize(entry.index.value - 1);
              model.log.push_back(entry);
            }
          }};
}

Operation silent(std::function<void(std::optional<TestReplica>&)> run) {
  return {std::move(run), [](Model&) {}};
}

/// Makes records, and removes some of those that earlier ones made.
raft::Entry any_command(std::uint64_t index, std::uint64_t term) {
  const std::string number = std::to_string(index % 5);
  return command_entry(index, term,
                       {{ticket::Kind::kTake, "", {1}, "key-" + std::to_string(index)},
                        {ticket::Kind::kTake, "s" + number, {1}, ""},
                        {ticket::Kind::kRemove, "s" + std::to_string(index % 3), {0}, ""}},
                       {.age_us = 5000, .keys = 100});
}

raft::Save entries_save(std::uint64_t from, std::uint64_t to, std::uint64_t term) {
  raft::Save save;
  for (std::uint64_t i = from; i <= to; ++i) {
    save.entries.push_back(i % 7 == 3 ? configuration_entry(i, term, i % 5 + 1)
                                      : any_command(i, term));
  }
  return save;
}

raft::Save vote_save(std::uint64_t term) {
  raft::Save save;
  save.hard_state = hard_state_of(term);
  save.hard_state->has_voted = true;
  save.hard_state->voted_for = {raft::NodeId(term), raft::Incarnation(1)};
  return save;
}

Operation apply_operation(raft::Save save) {
  return silent([save](std::optional<TestReplica>& replica) { replica->apply(save.entries); });
}

Operation wait_for_checkpoint() {
  return silent([](std::optional<TestReplica>& replica) { replica->checkpoint(); });
}

DiskOptions crash_options() {
  DiskOptions options = small_options("");
  options.map_bytes = 8 << 20;
  options.checkpoint_interval_us = 1000;
  options.log_tail_bytes = 2000;
  return options;
}

Operation identity_operation() {
  return {[](std::optional<TestReplica>& replica) {
            Identity identity;
            identity.node = raft::NodeId(1);
            REQUIRE(replica->disk().bootstrap(identity, configuration_of(1)).ok());
          },
          [](Model& model) {
            model.identity = true;
            model.hard_state = hard_state_of(1);
            model.log = {configuration_entry(1, 1, 1)};
          }};
}

}  // namespace

TEST_CASE("death at any step of making a directory and its first saves") {
  Script script;
  script.push_back(identity_operation());
  script.push_back(save_operation(entries_save(2, 4, 1)));
  script.push_back(save_operation(vote_save(2)));
  CHECK(crash_everywhere(crash_options(), script) > 8);
}

TEST_CASE("death at any step of saves, truncations, checkpoints and compaction") {
  Script script;
  script.push_back(identity_operation());
  script.push_back(save_operation(entries_save(2, 20, 1)));
  script.push_back(silent(
      [](std::optional<TestReplica>& replica) { replica->apply({configuration_entry(1, 1, 1)}); }));
  script.push_back(apply_operation(entries_save(2, 10, 1)));
  script.push_back(save_operation(vote_save(2)));
  script.push_back(wait_for_checkpoint());
  script.push_back(save_operation(entries_save(15, 30, 2)));
  script.push_back(apply_operation(entries_save(11, 14, 1)));
  script.push_back(wait_for_checkpoint());
  script.push_back(save_operation(vote_save(3)));
  script.push_back(save_operation(entries_save(16, 40, 3)));
  script.push_back(save_operation(entries_save(41, 41, 3)));
  script.push_back(wait_for_checkpoint());
  script.push_back(apply_operation(entries_save(15, 15, 2)));
  script.push_back(apply_operation(entries_save(16, 41, 3)));
  script.push_back(save_operation(entries_save(42, 60, 3)));
  script.push_back(wait_for_checkpoint());
  script.push_back(save_operation(entries_save(61, 90, 3)));
  script.push_back(silent([](std::optional<TestReplica>& replica) { replica->close(); }));
  CHECK(crash_everywhere(crash_options(), script) > 20);
}

TEST_CASE("death at any step of a save that is larger than the journal") {
  raft::Save save;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    save.entries.push_back(large_entry(i, 1, 100'000));
  }
  save.hard_state = hard_state_of(1);
  Script script;
  script.push_back(save_operation(vote_save(1)));
  script.push_back(save_operation(save));
  raft::Save next = entries_save(5, 6, 1);
  script.push_back(save_operation(next));
  CHECK(crash_everywhere(crash_options(), script) > 8);
}

TEST_CASE("death at any step of making a snapshot") {
  Script script;
  script.push_back(save_operation(vote_save(1)));
  for (std::uint64_t i = 0; i < 3; ++i) {
    const raft::Save save = entries_save(1 + i * 50, 50 + i * 50, 1);
    script.push_back(save_operation(save));
    script.push_back(apply_operation(save));
    script.push_back(wait_for_checkpoint());
    script.push_back(silent([](std::optional<TestReplica>& replica) {
      // Death may come while it is made: then none is answered, or a whole one.
      const std::vector<raft::SnapshotChunk> chunks = replica->fetch_snapshot(1000);
      REQUIRE_FALSE(chunks.empty());
    }));
  }
  CHECK(crash_everywhere(crash_options(), script) > 10);
}

TEST_CASE("death at any step of receiving a snapshot and putting it in force") {
  raft::Entries sent = {configuration_entry(1, 1, 3)};
  for (std::uint64_t i = 2; i <= 120; ++i) {
    std::vector<std::string> names;
    for (std::uint64_t j = 0; j < 400; ++j) {
      names.push_back("sequence-" + std::to_string(i * 400 + j));
    }
    sent.push_back(take_entry(i, 1, names));
  }
  std::vector<raft::SnapshotChunk> chunks;
  {
    TemporaryDirectory directory;
    DiskOptions options = small_options(directory.path());
    options.map_bytes = 64 << 20;
    TestReplica sender(options);
    sender.append_and_apply(sent);
    sender.checkpoint();
    chunks = sender.fetch_snapshot(1 << 20);
  }
  Script script;
  script.push_back(save_operation(vote_save(1)));
  const raft::Save old = entries_save(1, 40, 1);
  script.push_back(save_operation(old));
  script.push_back(apply_operation(entries_save(1, 30, 1)));
  for (const raft::SnapshotChunk& chunk : chunks) {
    script.push_back(silent([chunk](std::optional<TestReplica>& replica) {
      REQUIRE(replica->stage(chunk) == chunk.offset + chunk.data.size());
    }));
  }
  script.push_back(save_operation(vote_save(2)));
  script.push_back({[mark = chunks.front().mark](std::optional<TestReplica>& replica) {
                      REQUIRE(replica->install(mark).ok());
                    },
                    [sent](Model& model) { model.log = sent; }});
  script.push_back(save_operation(vote_save(3)));
  const raft::Save next = entries_save(121, 130, 3);
  script.push_back(save_operation(next));
  script.push_back(apply_operation(next));
  script.push_back(wait_for_checkpoint());
  script.push_back(silent([](std::optional<TestReplica>& replica) { replica->close(); }));
  DiskOptions options = crash_options();
  options.map_bytes = 32 << 20;
  CHECK(crash_everywhere(options, script) > 20);
}

}  // namespace ticketd::store::testing
