// Anything that a replica may ask of its disk, in any order, against a dumb twin in memory.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/random.h"
#include "tests/store/fixture.h"
#include "ticket/records.h"

namespace ticketd::store::testing {
namespace {

/// Thrown rather than RC_ASSERT'ed: the message then says what differed.
void agree(const std::string& what, bool equal) {
  if (!equal) {
    throw std::runtime_error(what + " differs");
  }
}

class Twins {
 public:
  explicit Twins(std::uint64_t seed) : random_(seed), options_(small_options(directory_.path())) {
    options_.checkpoint_bytes = 4096 << random_.below(6);
    options_.checkpoint_interval_us = 1ULL << random_.below(18);
    options_.log_tail_bytes = 1ULL << random_.between(10, 22);
    replica_.emplace(options_);
  }

  void step() {
    switch (random_.below(9)) {
      case 0:
        return apply();
      case 1:
        return truncate();
      case 2:
        return fetch();
      case 3:
        return random_.chance(1, 3) ? restart() : vote();
      case 4:
        return random_.chance(1, 3) ? snapshot() : apply();
      case 5:
        return random_.chance(1, 2) ? look() : warm();
      default:
        return append();
    }
  }

  void restart() {
    replica_.reset();
    replica_.emplace(options_);
    const std::string found = difference(replica_->disk(), log_);
    agree(found, found.empty());
    agree("the last index", replica_->opened().restored.last_index == raft::Index(log_.size()));
    agree("the hard state", replica_->opened().restored.hard_state == hard_state_);
    agree("the applied index", replica_->opened().restored.applied_index == raft::Index(applied_));
  }

 private:
  raft::Entry any_entry(std::uint64_t index) {
    if (random_.chance(1, 20)) {
      return configuration_entry(index, hard_state_.current_term.value, random_.between(1, 5));
    }
    if (random_.chance(1, 20)) {
      return large_entry(index, hard_state_.current_term.value, random_.below(60'000));
    }
    std::vector<ticket::Operation> operations;
    for (std::uint64_t i = random_.between(1, 4); i > 0; --i) {
      operations.push_back(any_operation());
    }
    // An entry is a millisecond: keys are forgotten by age and by number.
    return command_entry(index, hard_state_.current_term.value, std::move(operations),
                         {.age_us = 20'000, .keys = 30});
  }

  ticket::Operation any_operation() {
    if (random_.chance(1, 50)) {
      return {ticket::Kind::kRaiseBeginning, "", {random_.below(5000)}, ""};
    }
    const std::string name = any_name();
    const std::string key = random_.chance(1, 2) ? "key-" + std::to_string(random_.below(200)) : "";
    switch (random_.below(6)) {
      case 0:
        return {ticket::Kind::kRemove, name, {0}, ""};
      case 1:
        return {ticket::Kind::kAdvance, name, {random_.below(5000)}, key};
      default:
        return {ticket::Kind::kTake, name, {random_.between(1, 1000)}, key};
    }
  }

  std::string any_name() { return std::to_string(random_.below(100)); }

  /// Lists any range.
  void look() {
    ticket::ListRange range;
    range.prefix = random_.chance(1, 4) ? "" : ticket::sequence_key(any_name().substr(0, 1));
    range.after = random_.chance(1, 3) ? "" : ticket::sequence_key(any_name());
    range.limit = static_cast<std::size_t>(random_.between(1, 50));
    if (random_.chance(1, 2)) {
      replica_->warm(range);
    }
    MapState twin;
    twin.records = state_at(log_, raft::Index(applied_)).records;
    agree("a list", replica_->disk().state().list(range) == twin.list(range));
  }

  void warm() {
    const RecordMap expected = state_at(log_, raft::Index(applied_)).records;
    std::vector<std::string> keys;
    for (std::uint64_t i = random_.below(100); i > 0; --i) {
      keys.push_back(ticket::sequence_key(any_name()));
    }
    bool done = false;
    replica_->disk().warm(keys, [&] {
      done = true;
      for (const std::string& key : keys) {
        agree("what is warm", replica_->disk().state().is_warm(key));
        const auto found = expected.find(key);
        agree("a warm record",
              replica_->disk().state().find(key) ==
                  (found == expected.end() ? std::nullopt : std::optional(found->second)));
      }
    });
    replica_->loop().run_until([&] { return done; });
  }

  void append() {
    if (hard_state_.current_term == raft::Term(0)) {
      vote();
    }
    raft::Save save;
    if (random_.chance(1, 2)) {
      hard_state_.commit_index = raft::Index(applied_);
      save.hard_state = hard_state_;
    }
    const std::uint64_t count = random_.between(1, random_.chance(1, 10) ? 100 : 5);
    for (std::uint64_t i = 0; i < count; ++i) {
      save.entries.push_back(any_entry(log_.size() + 1));
      log_.push_back(save.entries.back());
    }
    replica_->save(save);
  }

  void vote() {
    ++hard_state_.current_term;
    hard_state_.has_voted = random_.chance(1, 2);
    hard_state_.voted_for = {raft::NodeId(random_.below(3)), raft::Incarnation(random_.below(9))};
    raft::Save save;
    save.hard_state = hard_state_;
    replica_->save(save);
  }

  /// A new leader's entries replace some that were not applied.
  void truncate() {
    if (applied_ < log_.size()) {
      vote();
      log_.resize(random_.between(applied_, log_.size() - 1));
      append();
    }
  }

  void apply() {
    const std::uint64_t to = random_.between(applied_, log_.size());
    replica_->apply(raft::Entries(log_.begin() + static_cast<long>(applied_),
                                  log_.begin() + static_cast<long>(to)));
    applied_ = to;
    const StateAt expected = state_at(log_, raft::Index(applied_));
    for (const auto& [key, value] : expected.records) {
      agree("a record", replica_->disk().state().find(key) == value);
    }
    agree("the list of records", replica_->records() == expected.records);
    agree("the summary", replica_->applied().summary == expected.applied.summary);
  }

  void fetch() {
    if (log_.empty()) {
      return;
    }
    const std::uint64_t from = random_.between(1, log_.size());
    const std::uint64_t to = random_.between(from, log_.size());
    const raft::Entries entries =
        replica_->fetch(from, to, static_cast<std::size_t>(1ULL << random_.below(18)));
    if (entries.empty()) {
      agree("an answer that is empty though nothing is compacted",
            raft::Index(from) <= compacted());
      return;
    }
    const auto begin = log_.begin() + static_cast<long>(from - 1);
    agree("the number of entries", entries.size() <= to - from + 1);
    agree("the entries",
          entries == raft::Entries(begin, begin + static_cast<long>(entries.size())));
  }

  /// As the disk has told by now.
  raft::Index compacted() {
    replica_->checkpoint();
    return replica_->compacted();
  }

  /// What this replica sends puts a fresh one in the same state.
  void snapshot() {
    const std::vector<raft::SnapshotChunk> chunks = replica_->fetch_snapshot(10'000);
    agree("a snapshot that there is not", !chunks.empty());
    TemporaryDirectory directory;
    TestReplica receiver(small_options(directory.path()));
    for (const raft::SnapshotChunk& chunk : chunks) {
      receiver.stage(chunk);
    }
    const Result<AppliedState> installed = receiver.install(chunks.front().mark);
    agree("an installation that failed", installed.ok());
    const StateAt expected = state_at(log_, chunks.front().mark.index);
    agree("the installed summary", installed->summary == expected.applied.summary);
    agree("the installed configuration",
          installed->configuration == expected.applied.configuration);
    agree("the installed records", receiver.records() == expected.records);
  }

  Random random_;
  TemporaryDirectory directory_;
  DiskOptions options_;
  std::optional<TestReplica> replica_;
  raft::Entries log_;
  raft::HardState hard_state_;
  std::uint64_t applied_ = 0;
};

}  // namespace

TEST_CASE("a disk and its dumb twin agree, whatever is asked of them") {
  const bool passed = rc::check("random requests", [](std::uint64_t seed) {
    std::string trouble;
    try {
      Twins twins(seed);
      for (int i = 0; i < 40; ++i) {
        twins.step();
      }
      twins.restart();
    } catch (const std::exception& error) {
      trouble = error.what();
    }
    CHECK(trouble == "");
    RC_ASSERT(trouble == "");
  });
  CHECK(passed);
}

}  // namespace ticketd::store::testing
