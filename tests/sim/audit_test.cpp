// The audit on trial: histories that must fail, each beside the one that is right.
#include "sim/audit.h"

#include <doctest/doctest.h>

#include "sim/platter.h"
#include "sim/violation.h"

namespace ticketd::sim {
namespace {

using ticket::Kind;

class Histories {
 public:
  /// Commits one entry with one request.
  void commit(Kind kind, const std::string& sequence, std::uint64_t value,
              const std::string& key = {}) {
    ticket::Batch batch;
    if (!key.empty()) batch.limits = {1'000'000, 100};
    batch.operations.push_back({kind, sequence, {value}, key});
    append(raft::EntryType::kCommand, ticket::encode(batch));
  }
  void append(raft::EntryType type, std::string payload, std::uint64_t term = 1) {
    const raft::Entry entry{golden.last() + 1, raft::Term(term), type,
                            raft::Payload(std::move(payload))};
    audit.committed(golden.append(entry, chain_of(0, entry), raft::Term(term)));
  }
  Asked asked(Kind kind, const std::string& sequence, std::uint64_t value,
              const std::string& key = {}) const {
    return {{kind, sequence, value, key}, golden.last()};
  }

  Golden golden;
  Audit audit{golden};
};

AskedQuery lookup(raft::Index golden_last, bool stale = false) {
  return {ticket::Lookup{{"s"}}, stale, golden_last};
}

TEST_CASE_FIXTURE(Histories, "a take is told what its entry gave it") {
  const Asked take = asked(Kind::kTake, "s", 3);
  commit(Kind::kTake, "s", 3);
  SUBCASE("right") {
    audit.answered(take, ticket::Done{0, 3, false});
    CHECK_NOTHROW(audit.finish());
  }
  SUBCASE("another number") {
    CHECK_THROWS_AS(audit.answered(take, ticket::Done{1, 3, false}), Violation);
  }
  SUBCASE("one number less") {
    CHECK_THROWS_AS(audit.answered(take, ticket::Done{0, 2, false}), Violation);
  }
  SUBCASE("the same numbers twice") {
    audit.answered(take, ticket::Done{0, 3, false});
    CHECK_THROWS_AS(audit.answered(take, ticket::Done{0, 3, false}), Violation);
  }
  SUBCASE("a refusal, although it was done") {
    audit.answered(take, ticket::NotDone{ticket::NotDone::Why::kNoLeader, "", false});
    CHECK_THROWS_AS(audit.finish(), Violation);
  }
  SUBCASE("nothing certain") {
    audit.answered(take, ticket::Unknown{""});
    CHECK_NOTHROW(audit.finish());
  }
  SUBCASE("a replay, without a key") {
    CHECK_THROWS_AS(audit.answered(take, ticket::Done{0, 3, true}), Violation);
  }
}

TEST_CASE_FIXTURE(Histories, "a take is not told a number that was given before it asked") {
  commit(Kind::kTake, "s", 1);
  CHECK_THROWS_AS(audit.answered(asked(Kind::kTake, "s", 1), ticket::Done{0, 1, false}), Violation);
}

TEST_CASE_FIXTURE(Histories, "a number that is not committed is told to nobody") {
  CHECK_THROWS_AS(audit.answered(asked(Kind::kTake, "s", 1), ticket::Done{0, 1, false}), Violation);
}

TEST_CASE_FIXTURE(Histories, "an effect needs a request that came before it") {
  const Asked early = asked(Kind::kTake, "s", 1);
  commit(Kind::kTake, "s", 1);
  const Asked late = asked(Kind::kTake, "s", 1);
  SUBCASE("made in time") {
    audit.answered(early, ticket::Unknown{""});
    CHECK_NOTHROW(audit.finish());
  }
  SUBCASE("made too late") {
    audit.answered(late, ticket::Unknown{""});
    CHECK_THROWS_AS(audit.finish(), Violation);
  }
  SUBCASE("of another size") {
    audit.answered({{Kind::kTake, "s", 2, ""}, early.golden_last}, ticket::Unknown{""});
    CHECK_THROWS_AS(audit.finish(), Violation);
  }
  SUBCASE("one for two effects") {
    commit(Kind::kTake, "s", 1);
    audit.answered(early, ticket::Unknown{""});
    CHECK_THROWS_AS(audit.finish(), Violation);
  }
  SUBCASE("more requests than effects") {
    audit.answered(early, ticket::Unknown{""});
    audit.answered(late, ticket::Unknown{""});
    CHECK_NOTHROW(audit.finish());
  }
}

TEST_CASE_FIXTURE(Histories, "a key has one answer, which is new once") {
  const Asked take = asked(Kind::kTake, "s", 2, "key");
  commit(Kind::kTake, "s", 2, "key");
  const Asked again = asked(Kind::kTake, "s", 2, "key");
  commit(Kind::kTake, "s", 2, "key");  // replayed
  SUBCASE("right") {
    audit.answered(take, ticket::Done{0, 2, false});
    audit.answered(again, ticket::Done{0, 2, true});
    CHECK_NOTHROW(audit.finish());
  }
  SUBCASE("another number") {
    CHECK_THROWS_AS(audit.answered(take, ticket::Done{2, 2, false}), Violation);
  }
  SUBCASE("another answer") {
    CHECK_THROWS_AS(audit.answered(take, ticket::NotDone{ticket::NotDone::Why::kBehind, "", false}),
                    Violation);
  }
  SUBCASE("said to be new twice") {
    audit.answered(take, ticket::Done{0, 2, false});
    CHECK_THROWS_AS(audit.answered(again, ticket::Done{0, 2, false}), Violation);
  }
  SUBCASE("said to be new by one who came later") {
    CHECK_THROWS_AS(audit.answered(again, ticket::Done{0, 2, false}), Violation);
  }
  SUBCASE("said to be replayed twice") {
    audit.answered(again, ticket::Done{0, 2, true});
    CHECK_THROWS_AS(audit.answered(take, ticket::Done{0, 2, true}), Violation);
  }
  SUBCASE("a refusal, although it was done") {
    audit.answered(take, ticket::NotDone{ticket::NotDone::Why::kBusy, "", false});
    audit.answered(again, ticket::Done{0, 2, true});
    CHECK_THROWS_AS(audit.finish(), Violation);
  }
  SUBCASE("a refusal, although it was looked up") {
    audit.answered(take, ticket::Done{0, 2, false});
    audit.answered(again, ticket::NotDone{ticket::NotDone::Why::kBusy, "", false});
    CHECK_THROWS_AS(audit.finish(), Violation);
  }
  SUBCASE("nothing certain") {
    audit.answered(take, ticket::Unknown{""});
    audit.answered(again, ticket::Done{0, 2, true});
    CHECK_NOTHROW(audit.finish());
  }
}

TEST_CASE_FIXTURE(Histories, "a key of another request is refused, and nothing is done") {
  commit(Kind::kTake, "s", 2, "key");
  const Asked other = asked(Kind::kTake, "s", 3, "key");
  const ticket::NotDone reused{ticket::NotDone::Why::kKeyReused, "", false};
  CHECK_THROWS_AS(audit.answered(other, reused), Violation);
  commit(Kind::kTake, "s", 3, "key");
  CHECK(golden.rules().value("s") == 1);
  SUBCASE("right") { CHECK_NOTHROW(audit.answered(other, reused)); }
  SUBCASE("taken for the same") {
    CHECK_THROWS_AS(audit.answered(other, ticket::Done{0, 2, true}), Violation);
  }
  SUBCASE("refused for want of room") {
    CHECK_THROWS_AS(
        audit.answered(other, ticket::NotDone{ticket::NotDone::Why::kKeysFull, "", false}),
        Violation);
  }
}

TEST_CASE_FIXTURE(Histories, "a read is of a committed state that is not older than its beginning") {
  commit(Kind::kTake, "s", 1);
  commit(Kind::kTake, "s", 1);
  const auto result = [](std::uint64_t last, std::uint64_t index) {
    return ticket::QueryResult{{{"s", last}}, false, index};
  };
  CHECK_NOTHROW(audit.answered(lookup(raft::Index(2)), result(1, 2)));
  CHECK_NOTHROW(audit.answered(lookup(raft::Index(1)), result(0, 1)));
  SUBCASE("older than its beginning") {
    CHECK_THROWS_AS(audit.answered(lookup(raft::Index(2)), result(0, 1)), Violation);
  }
  SUBCASE("older, and so it said") {
    CHECK_NOTHROW(audit.answered(lookup(raft::Index(2), true), result(0, 1)));
  }
  SUBCASE("of the future") {
    CHECK_THROWS_AS(audit.answered(lookup(raft::Index(2)), result(2, 3)), Violation);
  }
  SUBCASE("stale by one") {
    CHECK_THROWS_AS(audit.answered(lookup(raft::Index(2)), result(0, 2)), Violation);
  }
  SUBCASE("of nothing") {
    const ticket::QueryResult nothing{{{"s", std::nullopt}}, false, 2};
    CHECK_THROWS_AS(audit.answered(lookup(raft::Index(2)), nothing), Violation);
  }
}

TEST_CASE_FIXTURE(Histories, "a listing leaves nothing out") {
  commit(Kind::kTake, "a", 1);
  commit(Kind::kTake, "b", 1);
  const AskedQuery all{ticket::Listing{"", "", 10}, false, golden.last()};
  CHECK_NOTHROW(audit.answered(all, ticket::QueryResult{{{"a", 0}, {"b", 0}}, false, 2}));
  CHECK_THROWS_AS(audit.answered(all, ticket::QueryResult{{{"b", 0}}, false, 2}), Violation);
  CHECK_THROWS_AS(audit.answered(all, ticket::QueryResult{{{"a", 0}, {"b", 0}}, true, 2}),
                  Violation);
}

TEST_CASE_FIXTURE(Histories, "machine and rules agree on where unknown sequences begin") {
  commit(Kind::kTake, "known", 1);
  commit(Kind::kRaiseBeginning, "", 1'000);
  commit(Kind::kRaiseBeginning, "", 999);
  commit(Kind::kTake, "a", 2);
  commit(Kind::kAdvance, "b", 998);  // refused
  CHECK(golden.rules().value("a") == 1'001);
  CHECK(golden.rules().value("b") == std::nullopt);
  commit(Kind::kAdvance, "b", 999);
  commit(Kind::kTake, "known", 1);
  commit(Kind::kRemove, "known", 0);
  CHECK(golden.rules().value("b") == 999);
  CHECK(golden.rules().value("known") == std::nullopt);
  commit(Kind::kTake, "known", 1);
  CHECK(golden.rules().value("known") == 1'000);
  commit(Kind::kTake, "", 1);
  CHECK(golden.rules().value("") == 1);
  commit(Kind::kRaiseBeginning, "", ~std::uint64_t{0});
  commit(Kind::kTake, "c", 2);  // refused
  commit(Kind::kTake, "c", 1);
  CHECK(golden.rules().value("c") == ~std::uint64_t{0});
}

TEST_CASE_FIXTURE(Histories, "one voter comes or goes at a time") {
  const auto configuration = [](std::initializer_list<std::uint64_t> voters) {
    std::vector<raft::Member> members;
    for (const std::uint64_t node : voters) {
      raft::Member member;
      member.id = {raft::NodeId(node), raft::Incarnation(1)};
      member.voter = true;
      member.addresses.peer = "a:1";
      members.push_back(member);
    }
    return raft::Configuration(members).encode();
  };
  append(raft::EntryType::kConfiguration, configuration({1, 2, 3}));
  CHECK_NOTHROW(append(raft::EntryType::kConfiguration, configuration({1, 2})));
  CHECK_THROWS_AS(append(raft::EntryType::kConfiguration, configuration({1, 3})), Violation);
}

TEST_CASE_FIXTURE(Histories, "terms do not fall in the golden log") {
  append(raft::EntryType::kNoop, {}, 2);
  CHECK_THROWS_AS(append(raft::EntryType::kNoop, {}, 1), Violation);
}

}  // namespace
}  // namespace ticketd::sim
