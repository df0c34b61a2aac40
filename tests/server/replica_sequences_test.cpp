// Named sequences, keys and reads, over replicas in virtual time.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/server/cluster.h"

namespace ticketd::server::testing {
namespace {

using ticket::Done;
using ticket::Kind;
using ticket::Listing;
using ticket::Lookup;
using ticket::NotDone;
using ticket::QueryResult;

/// Whose leader is asked.
struct Asked : Three {
  Done done(ticket::Request request) {
    const auto answer = change(await_leader(), std::move(request));
    REQUIRE(std::holds_alternative<Done>(answer));
    return std::get<Done>(answer);
  }
  NotDone::Why refused(ticket::Request request) {
    const auto answer = change(await_leader(), std::move(request));
    REQUIRE(std::holds_alternative<NotDone>(answer));
    return std::get<NotDone>(answer).why;
  }
  std::optional<std::uint64_t> last(const std::string& sequence) {
    const auto answer = read(await_leader(), Lookup{{sequence}});
    REQUIRE(std::holds_alternative<QueryResult>(answer));
    return std::get<QueryResult>(answer).found.at(0).last;
  }
};

ticket::Request take(std::string sequence, std::uint64_t count = 1, std::string key = {}) {
  return {Kind::kTake, std::move(sequence), count, std::move(key)};
}

// --- Changes --------------------------------------------------------------------------------------

TEST_CASE("a named sequence counts from 0, moves forward, and is removed where that is allowed") {
  Asked cluster;
  CHECK(cluster.done(take("orders")).first == 0);
  CHECK(cluster.done(take("orders", 5)).first == 1);
  CHECK(cluster.done({Kind::kAdvance, "orders", 99, ""}).first == 99);
  CHECK(cluster.done(take("orders")).first == 100);
  CHECK(cluster.refused({Kind::kAdvance, "orders", 99, ""}) == NotDone::Why::kBehind);
  CHECK(cluster.refused({Kind::kRemove, "orders", 0, ""}) == NotDone::Why::kForbidden);
  CHECK(cluster.last("orders") == 100);
  cluster.allow_delete = true;
  for (const std::uint64_t id : {1u, 2u, 3u}) {
    cluster.crash(id);
    cluster.restart(id);
  }
  CHECK(cluster.done({Kind::kRemove, "orders", 0, ""}).count == 1);
  CHECK(cluster.last("orders") == std::nullopt);
  cluster.settle();
}

TEST_CASE("a retry gets the first answer from any leader, also after all have crashed") {
  Asked cluster;
  CHECK(cluster.done(take("a", 3, "key")).first == 0);
  cluster.done(take("a"));
  const std::uint64_t leader = cluster.await_leader();
  cluster.crash(leader);
  Done again = cluster.done(take("a", 3, "key"));
  CHECK(again.first == 0);
  CHECK(again.count == 3);
  CHECK(again.replayed);
  cluster.restart(leader);
  for (const std::uint64_t id : {1u, 2u, 3u}) cluster.crash(id);
  for (const std::uint64_t id : {1u, 2u, 3u}) cluster.restart(id);
  again = cluster.done(take("a", 3, "key"));
  CHECK(again.first == 0);
  CHECK(again.replayed);
  CHECK(cluster.refused(take("a", 4, "key")) == NotDone::Why::kKeyReused);
  CHECK(cluster.last("a") == 3);
  cluster.settle();
}

TEST_CASE("a retry is known after a snapshot, too") {
  Asked cluster;
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t away = cluster.follower();
  cluster.crash(away);
  cluster.done(take("a", 3, "key"));
  for (int i = 0; i < 100; ++i) cluster.done(take("b"));
  cluster.world.run_for(1'000'000);
  cluster.at(leader).disk->checkpoint(5);
  cluster.world.run_for(1'000);
  cluster.restart(away);
  cluster.settle();
  cluster.ask(leader, net::TransferCall{raft::NodeId(away)});
  REQUIRE(cluster.await_leader() == away);
  CHECK(cluster.done(take("a", 3, "key")).replayed);
  CHECK(cluster.done(take("b")).first == 100);
}

TEST_CASE("a full table of keys refuses until the oldest have reached their age") {
  Cluster cluster;
  cluster.key_limits = {.age_us = 10'000'000, .keys = 2};
  cluster.bootstrap(1);
  cluster.await_leader();
  const auto why = [&](std::string key) -> std::optional<NotDone::Why> {
    const auto answer = cluster.change(1, take("a", 1, std::move(key)));
    const auto* refused = std::get_if<NotDone>(&answer);
    return refused == nullptr ? std::nullopt : std::optional(refused->why);
  };
  CHECK_FALSE(why("1"));
  CHECK_FALSE(why("2"));
  CHECK(why("3") == NotDone::Why::kKeysFull);
  cluster.world.run_for(5'000'000);
  CHECK(why("3") == NotDone::Why::kKeysFull);
  cluster.world.run_for(6'000'000);
  CHECK_FALSE(why("3"));
}

TEST_CASE("a command that this build does not know stops the node before it is applied") {
  Cluster cluster;
  cluster.bootstrap(1);
  cluster.await_leader();
  CHECK(std::get<Done>(cluster.change(1, take("a"))).first == 0);
  cluster.crash(1);
  Platter& platter = *cluster.at(1).platter;
  const raft::Index next = platter.log.back().index + 1;
  const raft::Term term = platter.hard_state.current_term;
  platter.log.push_back({next, term, raft::EntryType::kCommand, raft::Payload("\x63\x01")});
  cluster.restart(1);
  REQUIRE(cluster.world.run_until([&] { return cluster.at(1).ended.has_value(); }));
  CHECK(*cluster.at(1).ended == End::kDamaged);
  CHECK(cluster.at(1).end_message.find("type 99") != std::string::npos);
  CHECK(cluster.at(1).replica->summary().applied_index < next);
}

// --- Reads ----------------------------------------------------------------------------------------

TEST_CASE("reads that wait together are one round, and write nothing") {
  Asked cluster;
  cluster.done(take("a", 7));
  const std::uint64_t leader = cluster.await_leader();
  const raft::Index before = cluster.at(leader).replica->node().last_index();
  int answered = 0;
  for (int i = 0; i < 100; ++i) {
    cluster.at(leader).replica->read(Lookup{{"a", "b"}}, [&](ticket::QueryAnswer answer) {
      const auto& found = std::get<QueryResult>(answer).found;
      REQUIRE(found.size() == 2);
      CHECK(found[0] == ticket::Found{"a", 6});
      CHECK(found[1] == ticket::Found{"b", std::nullopt});
      ++answered;
    });
  }
  REQUIRE(cluster.world.run_until([&] { return answered == 100; }));
  CHECK(cluster.at(leader).replica->node().last_index() == before);
}

TEST_CASE("sequences are listed in pages, in the order of their bytes") {
  Asked cluster;
  for (const char* name : {"b", "ab", "a", "\xff", "aa"}) cluster.done(take(name));
  cluster.done(take(""));
  const std::uint64_t leader = cluster.await_leader();
  const auto page = [&](Listing listing) {
    const auto answer = cluster.read(leader, std::move(listing));
    const auto& result = std::get<QueryResult>(answer);
    std::string names;
    for (const auto& found : result.found) names += found.sequence + ",";
    return names + (result.more ? "more" : "end");
  };
  CHECK(page({"", "", 10}) == "a,aa,ab,b,\xff,end");
  CHECK(page({"", "", 2}) == "a,aa,more");
  CHECK(page({"", "aa", 2}) == "ab,b,more");
  CHECK(page({"", "b", 1}) == "\xff,end");
  CHECK(page({"a", "", 10}) == "a,aa,ab,end");
  CHECK(page({"a", "aa", 10}) == "ab,end");
  CHECK(page({"c", "", 10}) == "end");
}

TEST_CASE("a follower has the leader read, and answers stale reads itself") {
  Asked cluster;
  cluster.done(take("a", 7));
  cluster.settle();
  const std::uint64_t follower = cluster.follower();
  Replica& replica = *cluster.at(follower).replica;
  std::optional<ticket::QueryAnswer> answer;
  const auto note = [&](ticket::QueryAnswer a) { answer = std::move(a); };
  replica.forward(ticket::Query(Lookup{{"a"}}), note);
  REQUIRE(cluster.world.run_until([&] { return answer.has_value(); }));
  CHECK(std::get<QueryResult>(*answer).found.at(0).last == 6);
  replica.read(Lookup{{"a"}}, note);
  CHECK(std::get<NotDone>(*answer).why == NotDone::Why::kNoLeader);
  replica.read_stale(Lookup{{"a"}}, note);
  CHECK(std::get<QueryResult>(*answer).found.at(0).last == 6);
  CHECK(std::get<QueryResult>(*answer).applied_index == replica.summary().applied_index.value);
}

TEST_CASE("a leader that is cut off does not answer reads from what it knows") {
  Asked cluster;
  cluster.done(take("a"));
  const std::uint64_t old_leader = cluster.await_leader();
  cluster.network.cut(raft::NodeId(old_leader));
  std::optional<ticket::QueryAnswer> answer;
  cluster.at(old_leader).replica->read(Lookup{{"a"}}, [&](ticket::QueryAnswer a) {
    answer = std::move(a);
  });
  const std::uint64_t new_leader = cluster.await_leader();
  CHECK(std::get<Done>(cluster.change(new_leader, take("a"))).first == 1);
  REQUIRE(cluster.world.run_until([&] { return answer.has_value(); }));
  CHECK(std::holds_alternative<NotDone>(*answer));
}

TEST_CASE("reads that nobody confirms are answered within the request's time") {
  Asked cluster;
  const std::uint64_t leader = cluster.await_leader();
  for (const std::uint64_t id : {1u, 2u, 3u}) {
    if (id != leader) cluster.crash(id);
  }
  const raft::Time asked = cluster.world.now();
  const auto answer = cluster.read(leader, Lookup{{"a"}});
  CHECK(std::holds_alternative<NotDone>(answer));
  CHECK(cluster.world.now() - asked <= 5'000'000);
}

TEST_CASE("closing answers reads wherever they stand") {
  Asked cluster;
  const std::uint64_t leader = cluster.await_leader();
  for (auto& [id, node] : cluster.nodes) node.disk->chill();
  int answers = 0;
  const auto count = [&](const ticket::QueryAnswer&) { ++answers; };
  Replica& replica = *cluster.at(leader).replica;
  replica.read_stale(Lookup{{"cold"}}, count);
  replica.read(Lookup{{"a"}}, count);
  cluster.world.run_for(50);
  replica.read(Lookup{{"a"}}, count);
  replica.close();
  CHECK(answers == 3);
}

// --- Records that are not in memory ---------------------------------------------------------------

TEST_CASE("cold records are read before an entry is applied, on every member, and in order") {
  Asked cluster;
  cluster.done(take("a", 3, "key"));
  cluster.settle();
  for (auto& [id, node] : cluster.nodes) node.disk->chill();
  const std::uint64_t leader = cluster.await_leader();
  std::vector<std::uint64_t> firsts;
  const auto note = [&](const ticket::Answer& answer) {
    firsts.push_back(std::get<Done>(answer).first);
  };
  cluster.at(leader).replica->change(take("a"), note);
  cluster.world.run_for(20);
  cluster.at(leader).replica->change(take("a", 3, "key"), note);
  cluster.at(leader).replica->change(take("b"), note);
  REQUIRE(cluster.world.run_until([&] { return firsts.size() == 3; }));
  CHECK(firsts == std::vector<std::uint64_t>{3, 0, 0});
  cluster.settle();
  for (auto& [id, node] : cluster.nodes) CHECK(node.disk->warmed > 0);
}

TEST_CASE("a leader has cold records read while their entry is on its way") {
  Cluster cluster;
  cluster.bootstrap(1);
  cluster.await_leader();
  FakeDisk& disk = *cluster.at(1).disk;
  disk.chill();
  disk.flush = disk.warming = 10'000;
  const raft::Time asked = cluster.world.now();
  CHECK(std::holds_alternative<Done>(cluster.change(1, take("a"))));
  CHECK(cluster.world.now() - asked < 15'000);
}

TEST_CASE("a long lookup is read piece by piece, so that no entry waits behind it for long") {
  Asked cluster;
  cluster.done(take("name-7", 5));
  cluster.settle();
  const std::uint64_t leader = cluster.await_leader();
  FakeDisk& disk = *cluster.at(leader).disk;
  disk.chill();
  Lookup lookup;
  for (int i = 0; i < 10'000; ++i) lookup.sequences.push_back("name-" + std::to_string(i));
  const auto answer = cluster.read(leader, lookup);
  const auto& found = std::get<QueryResult>(answer).found;
  REQUIRE(found.size() == 10'000);
  CHECK(found[7].last == 4);
  CHECK(found[9'999] == ticket::Found{"name-9999", std::nullopt});
  CHECK(disk.largest_warm == 1'024);
}

TEST_CASE("many queries at once are all answered, the small ones together") {
  Asked cluster;
  const std::uint64_t leader = cluster.await_leader();
  FakeDisk& disk = *cluster.at(leader).disk;
  disk.chill();
  std::size_t answered = 0;
  const auto count = [&](const ticket::QueryAnswer& answer) {
    if (std::holds_alternative<QueryResult>(answer)) ++answered;
  };
  for (int i = 0; i < 300; ++i) {
    cluster.at(leader).replica->read(Lookup{{"a" + std::to_string(i), "b"}}, count);
    if (i % 100 == 0) cluster.at(leader).replica->read(Listing{"", "", 10}, count);
  }
  const raft::Time asked = cluster.world.now();
  REQUIRE(cluster.world.run_until([&] { return answered == 303; }));
  CHECK(cluster.world.now() - asked < 50'000);
}

TEST_CASE("a leader whose disk gives no records hands over, and every request is answered") {
  Asked cluster;
  const std::uint64_t leader = cluster.await_leader();
  FakeDisk& disk = *cluster.at(leader).disk;
  disk.chill();
  disk.hang_warming();
  std::optional<ticket::Answer> change;
  std::optional<net::Reply> members;
  std::optional<ticket::QueryAnswer> read;
  Replica& replica = *cluster.at(leader).replica;
  replica.change(take("a"), [&](ticket::Answer a) { change = std::move(a); });
  cluster.world.run_for(100'000);
  replica.on_request(net::MembersCall{}, [&](net::Reply r) { members = std::move(r); });
  replica.read(Lookup{{"b"}}, [&](ticket::QueryAnswer a) { read = std::move(a); });
  const raft::Time asked = cluster.world.now();
  REQUIRE(cluster.world.run_until([&] { return change && members && read; }));
  CHECK(cluster.world.now() - asked <= 5'000'000);
  CHECK(std::holds_alternative<ticket::Unknown>(*change));
  CHECK(std::holds_alternative<net::ErrorReply>(*members));
  CHECK(std::holds_alternative<NotDone>(*read));
  REQUIRE(cluster.world.run_until([&] { return replica.node().role() != raft::Role::kLeader; }));
  CHECK(std::get<Done>(cluster.change(cluster.await_leader(), take("a"))).first == 1);
}

TEST_CASE("while reads of records hang, no more queries are held than may wait") {
  constexpr std::size_t kMost = 65'536;
  Cluster cluster;
  cluster.bootstrap(1);
  cluster.await_leader();
  cluster.at(1).disk->chill();
  cluster.at(1).disk->hang_warming();
  Replica& replica = *cluster.at(1).replica;
  std::size_t refused = 0, expired = 0;
  const auto note = [&](const ticket::QueryAnswer& answer) {
    const bool full = std::get<NotDone>(answer).message.find("too many") != std::string::npos;
    ++(full ? refused : expired);
  };
  for (int round = 1; round <= 2; ++round) {
    for (std::size_t i = 0; i < kMost + 100; ++i) {
      if (i % 2 == 0) replica.read_stale(Lookup{{"cold"}}, note);
      if (i % 2 == 1) replica.read(Lookup{{"cold"}}, note);
    }
    CHECK(refused == static_cast<std::size_t>(round) * 100);
    replica.check_invariants();
    cluster.world.run_for(1'000'000);
    replica.check_invariants();
    cluster.world.run_for(5'000'000);
    replica.check_invariants();
    CHECK(expired == static_cast<std::size_t>(round) * kMost);
  }
}

TEST_CASE("while nothing can be applied, confirmed reads gather up to their bound") {
  Cluster cluster;
  cluster.bootstrap(1);
  cluster.await_leader();
  cluster.at(1).disk->chill();
  cluster.at(1).disk->hang_warming();
  Replica& replica = *cluster.at(1).replica;
  replica.change(take("a"), [](const ticket::Answer&) {});
  cluster.world.run_for(100'000);
  REQUIRE(replica.node().commit_index() > replica.summary().applied_index);
  std::size_t answered = 0;
  constexpr std::size_t kRounds = 20'000;
  for (std::size_t i = 0; i < kRounds; ++i) {
    replica.read(Lookup{{"b"}}, [&](const ticket::QueryAnswer& answer) {
      CHECK(std::holds_alternative<NotDone>(answer));
      ++answered;
    });
    cluster.world.run_for(10);
    if (i % 1'000 == 0) replica.check_invariants();
  }
  replica.check_invariants();
  std::optional<net::Reply> members;
  replica.on_request(net::MembersCall{}, [&](net::Reply r) { members = std::move(r); });
  REQUIRE(members.has_value());
  CHECK(std::get<net::ErrorReply>(*members).code == net::ErrorReply::Code::kBusy);
  REQUIRE(cluster.world.run_until([&] { return answered == kRounds; }));
}

TEST_CASE("what waits for records when a node ends is unknown, and a retry gets its answer") {
  Cluster cluster;
  cluster.bootstrap(1);
  cluster.await_leader();
  cluster.at(1).disk->chill();
  cluster.at(1).disk->hang_warming();
  std::optional<ticket::Answer> answer;
  cluster.at(1).replica->change(take("a", 2, "key"),
                                [&](ticket::Answer a) { answer = std::move(a); });
  cluster.world.run_for(100'000);
  CHECK_FALSE(answer.has_value());
  cluster.crash(1);
  REQUIRE(answer.has_value());
  CHECK(std::holds_alternative<ticket::Unknown>(*answer));
  cluster.restart(1);
  cluster.await_leader();
  const Done again = std::get<Done>(cluster.change(1, take("a", 2, "key")));
  CHECK(again.first == 0);
  CHECK(again.replayed);
}

TEST_CASE("whoever asks again while a node closes is answered, too") {
  Cluster cluster;
  cluster.bootstrap(1);
  cluster.await_leader();
  Replica& replica = *cluster.at(1).replica;
  int answers = 0;
  replica.read(Lookup{{"a"}}, [&](const ticket::QueryAnswer&) {
    ++answers;
    replica.read(Lookup{{"a"}}, [&](const ticket::QueryAnswer&) { ++answers; });
    replica.find_leader([&](const ticket::LeaderView&) { ++answers; });
    replica.change(take("a"), [&](const ticket::Answer&) { ++answers; });
  });
  replica.close();
  CHECK(answers == 4);
}

TEST_CASE("a cold record that is looked up is read first") {
  Asked cluster;
  cluster.done(take("a", 7));
  cluster.settle();
  for (auto& [id, node] : cluster.nodes) node.disk->chill();
  CHECK(cluster.last("a") == 6);
  CHECK(cluster.at(cluster.await_leader()).disk->warmed == 1);
}

}  // namespace
}  // namespace ticketd::server::testing
