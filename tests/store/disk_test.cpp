// Saving, checkpoints, fetching and restarting.
#include <doctest/doctest.h>

#include "tests/store/fixture.h"

namespace ticketd::store::testing {

namespace {

raft::Entries entries_between(std::uint64_t from, std::uint64_t to, std::uint64_t term) {
  raft::Entries entries;
  for (std::uint64_t i = from; i <= to; ++i) {
    entries.push_back(take_entry(i, term, {"", "sequence-" + std::to_string(i % 97)}));
  }
  return entries;
}

std::string reopened_difference(const DiskOptions& options, const raft::Entries& log) {
  TestReplica replica(options);
  return difference(replica.disk(), log);
}

}  // namespace

TEST_CASE("a new directory opens empty") {
  TemporaryDirectory directory;
  TestReplica replica(small_options(directory.path()));
  CHECK_FALSE(replica.opened().identity.has_value());
  CHECK(replica.opened().restored.last_index == raft::Index(0));
  CHECK(replica.opened().restored.configurations ==
        std::vector<raft::ConfigurationAt>{raft::ConfigurationAt{}});
  CHECK(replica.opened().restored.hard_state == raft::HardState{});
  CHECK(replica.last("") == std::nullopt);
}

TEST_CASE("what was saved and applied is there after a restart") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  const raft::Entries log = entries_between(1, 500, 1);
  {
    TestReplica replica(options);
    for (std::size_t i = 0; i < log.size(); i += 10) {
      const raft::Entries part(log.begin() + static_cast<long>(i),
                               log.begin() + static_cast<long>(i) + 10);
      replica.append_and_apply(part);
    }
    CHECK(replica.last("") == 500);
  }
  TestReplica replica(options);
  CHECK(replica.opened().restored.last_index == raft::Index(500));
  CHECK(replica.opened().restored.applied_index == raft::Index(500));
  CHECK(replica.opened().restored.hard_state.current_term == raft::Term(1));
  CHECK(difference(replica.disk(), log) == "");
}

TEST_CASE("entries that were saved and not applied come back in order") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  const raft::Entries log = entries_between(1, 100, 3);
  {
    TestReplica replica(options);
    replica.save(save_of(log));
    replica.apply(raft::Entries(log.begin(), log.begin() + 40));
  }
  TestReplica replica(options);
  CHECK(replica.opened().restored.applied_index == raft::Index(40));
  CHECK(replica.opened().restored.entries.size() == 60);
  CHECK(difference(replica.disk(), log) == "");
}

TEST_CASE("entries replace the log's end, in LMDB and in the journal") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  raft::Entries log = entries_between(1, 20, 1);
  TestReplica first(options);
  first.save(save_of(log));
  SUBCASE("after a checkpoint") { first.checkpoint(); }
  SUBCASE("before a checkpoint") {}
  log.resize(10);
  for (const raft::Entry& entry : entries_between(11, 15, 2)) {
    log.push_back(entry);
  }
  raft::Save save;
  save.entries = raft::Entries(log.begin() + 10, log.end());
  save.hard_state = hard_state_of(3);
  first.save(save);
  CHECK(first.fetch_all(1, 15) == log);
  first.close();
  CHECK(reopened_difference(options, log) == "");
}

TEST_CASE("configurations and terms of the log are told at the start") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  raft::Entries log;
  log.push_back(configuration_entry(1, 1, 1));
  log.push_back(take_entry(2, 1, {"a"}));
  log.push_back({raft::Index(3), raft::Term(4), raft::EntryType::kNoop, {}});
  log.push_back(configuration_entry(4, 4, 3));
  log.push_back(configuration_entry(5, 6, 5));
  {
    TestReplica replica(options);
    replica.save(save_of(log));
    replica.apply(raft::Entries(log.begin(), log.begin() + 4));
  }
  TestReplica replica(options);
  CHECK(difference(replica.disk(), log) == "");
  CHECK(replica.opened().restored.configurations.size() == 4);
  CHECK(replica.opened().restored.term_starts.size() == 3);
  CHECK(replica.opened().applied.configuration.index == raft::Index(4));
}

TEST_CASE("identity and bootstrap are durable when they return") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  Identity identity;
  identity.node = raft::NodeId(7);
  identity.cluster_id = 99;
  identity.join_token = 5;
  identity.contacts = "a:1,b:2";
  SUBCASE("identity alone") {
    {
      TestReplica replica(options);
      CHECK(replica.disk().set_identity(identity).ok());
      CHECK(replica.opened().identity == identity);
    }
    TestReplica replica(options);
    CHECK(replica.opened().identity == identity);
    CHECK(replica.opened().restored.last_index == raft::Index(0));
  }
  SUBCASE("the first member of a cluster") {
    {
      TestReplica replica(options);
      CHECK(replica.disk().bootstrap(identity, configuration_of(1)).ok());
      CHECK(replica.opened().restored.last_index == raft::Index(1));
      replica.save(save_of({take_entry(2, 1, {""})}));
    }
    TestReplica replica(options);
    CHECK(replica.opened().identity == identity);
    CHECK(replica.opened().restored.hard_state.current_term == raft::Term(1));
    CHECK(difference(replica.disk(), {configuration_entry(1, 1, 1), take_entry(2, 1, {""})}) == "");
  }
}

TEST_CASE("a save larger than the journal is durable through a checkpoint") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  raft::Entries log;
  for (std::uint64_t i = 1; i <= 8; ++i) {
    log.push_back(large_entry(i, 1, 200'000));
  }
  {
    TestReplica replica(options);
    replica.append_and_apply(log);
    CHECK(replica.disk().counters().journal_flushes == 0);
    CHECK(replica.fetch_all(1, 8) == log);
  }
  CHECK(reopened_difference(options, log) == "");
}

TEST_CASE("a fetch under way when the log's end is replaced answers with the new end") {
  TemporaryDirectory directory;
  const DiskOptions options = small_options(directory.path());
  TestReplica replica(options);
  raft::Entries log = entries_between(1, 40, 1);
  replica.append_and_apply(raft::Entries(log.begin(), log.begin() + 10));
  raft::Save rest;
  rest.entries = raft::Entries(log.begin() + 10, log.end());
  replica.save(rest);
  replica.checkpoint();
  for (std::uint64_t term = 2; term < 30; ++term) {
    raft::FetchEntries request;
    request.from = raft::Index(5);
    request.to = raft::Index(40);
    request.max_bytes = 1 << 20;
    std::optional<raft::Entries> fetched;
    replica.disk().fetch(request, [&](raft::Entries entries) { fetched = std::move(entries); });
    // Nothing of its answer has run on the loop yet.
    log.resize(20);
    for (const raft::Entry& entry : entries_between(21, 40, term)) {
      log.push_back(entry);
    }
    raft::Save save;
    save.hard_state = hard_state_of(term);
    save.entries = raft::Entries(log.begin() + 20, log.end());
    bool saved = false;
    replica.disk().save(save, [&] { saved = true; });
    replica.loop().run_until([&] { return saved && fetched.has_value(); });
    REQUIRE_FALSE(fetched->empty());
    CHECK(*fetched ==
          raft::Entries(log.begin() + 4, log.begin() + 4 + static_cast<long>(fetched->size())));
  }
}

TEST_CASE("fetch answers from memory and from LMDB, cut by bytes, at least one entry") {
  TemporaryDirectory directory;
  const raft::Entries log = entries_between(1, 100, 1);
  DiskOptions options = small_options(directory.path());
  SUBCASE("all in memory") { options.checkpoint_interval_us = 3'600'000'000; }
  SUBCASE("some in LMDB") {}
  TestReplica replica(options);
  replica.append_and_apply(raft::Entries(log.begin(), log.begin() + 60));
  if (options.checkpoint_interval_us < 1'000'000) {
    replica.checkpoint();
  }
  raft::Save rest;
  rest.entries = raft::Entries(log.begin() + 60, log.end());
  replica.save(rest);
  CHECK(replica.fetch_all(1, 100) == log);
  CHECK(replica.fetch_all(50, 70) == raft::Entries(log.begin() + 49, log.begin() + 70));
  CHECK(replica.fetch(50, 70, 1) == raft::Entries(log.begin() + 49, log.begin() + 50));
  CHECK(replica.fetch(70, 70, 1) == raft::Entries(log.begin() + 69, log.begin() + 70));
  CHECK(replica.fetch(101, 120, 1 << 20).empty());
}

}  // namespace ticketd::store::testing
