// The oracle on trial: what it is told must be caught when it is a breach.
#include "sim/oracle.h"

#include <doctest/doctest.h>

#include "sim/violation.h"

namespace ticketd::sim {
namespace {

/// Three members over one founding entry.
class Trial {
 public:
  Trial() {
    std::vector<raft::Member> members;
    for (std::uint64_t node = 1; node <= 3; ++node) {
      raft::Member member;
      member.id = {raft::NodeId(node), raft::Incarnation(1)};
      member.voter = true;
      member.addresses.peer = "a:" + std::to_string(node);
      members.push_back(member);
    }
    const raft::Entry first{raft::Index(1), raft::Term(1), raft::EntryType::kConfiguration,
                            raft::Payload(raft::Configuration(members).encode())};
    for (std::uint32_t process = 0; process < 3; ++process) {
      Platter& platter = platters[process];
      platter.identity.node = members[process].id.node;
      platter.identity.incarnation = raft::Incarnation(1);
      platter.hard_state.current_term = raft::Term(1);
      platter.log.push_back({first, chain_of(0, first)});
      oracle.has_disk(process, platter);
      oracle.founded(platter);
    }
  }

  /// What a process starts from, which has the founding entry behind it.
  raft::Restored restored(std::uint32_t process) const {
    const Platter& platter = platters[process];
    raft::Restored from;
    from.hard_state = platter.hard_state;
    from.term_starts.push_back({raft::Index(1), raft::Term(1)});
    from.last_index = platter.last_index();
    from.applied_index = raft::Index(1);
    for (const StoredEntry& stored : platter.log) {
      const raft::Entry& entry = stored.entry;
      if (entry.index > from.applied_index) from.entries.push_back(entry);
      if (entry.type != raft::EntryType::kConfiguration) continue;
      from.configurations.push_back(
          {entry.index, raft::Configuration::decode(entry.payload.view()).value()});
    }
    return from;
  }
  void start(std::uint32_t process, raft::Restored from) {
    raft::Options options;
    options.self = member(process);
    const raft::Node node(options, std::move(from), raft::Time());
    oracle.started(process, 0, node);
  }
  raft::MemberId member(std::uint32_t process) const { return platters[process].member(); }
  static raft::Entry entry(std::uint64_t index, std::uint64_t term, const char* payload = "") {
    return {raft::Index(index), raft::Term(term), raft::EntryType::kNoop, raft::Payload(payload)};
  }
  raft::Save vote(std::uint64_t term, std::uint32_t candidate) const {
    raft::Save save;
    save.hard_state = raft::HardState{raft::Term(term), true, member(candidate), raft::Index(1)};
    return save;
  }
  void save(std::uint32_t process, const raft::Save& what) {
    oracle.durable(process, what);
    if (what.hard_state) platters[process].hard_state = *what.hard_state;
  }

  Platter platters[3];
  raft::Micros counted = 0;  // by the clock of each
  Oracle oracle{raft::Options(), [this](std::uint32_t) { return counted; }};
};

TEST_CASE_FIXTURE(Trial, "a member votes once in a term, whatever it forgets") {
  save(0, vote(2, 1));
  CHECK_NOTHROW(oracle.durable(0, vote(2, 1)));
  CHECK_THROWS_AS(oracle.durable(0, vote(2, 2)), Violation);
  raft::Save forgets;
  forgets.hard_state = raft::HardState{raft::Term(2), false, {}, raft::Index(1)};
  CHECK_THROWS_AS(oracle.durable(0, forgets), Violation);
  forgets.hard_state->current_term = raft::Term(1);
  CHECK_THROWS_AS(oracle.durable(0, forgets), Violation);
}

TEST_CASE_FIXTURE(Trial, "a commit index that nobody reached is not saved") {
  raft::Save save_ahead = vote(2, 0);
  save_ahead.hard_state->commit_index = raft::Index(2);
  CHECK_THROWS_AS(oracle.durable(0, save_ahead), Violation);
}

TEST_CASE_FIXTURE(Trial, "one index and term hold one entry, behind one log") {
  const std::uint64_t chain = platters[0].log.back().chain;
  oracle.durable_entry(0, chain, entry(2, 2, "a"));
  CHECK_NOTHROW(oracle.durable_entry(1, chain, entry(2, 2, "a")));
  CHECK_THROWS_AS(oracle.durable_entry(1, chain, entry(2, 2, "b")), Violation);
  CHECK_NOTHROW(oracle.durable_entry(1, chain, entry(2, 3, "b")));
  // The same entry behind another one.
  CHECK_THROWS_AS(oracle.durable_entry(2, chain + 1, entry(2, 3, "b")), Violation);
  // An older term is remembered, too.
  CHECK_THROWS_AS(oracle.durable_entry(2, chain, entry(2, 2, "c")), Violation);
}

TEST_CASE_FIXTURE(Trial, "what is committed is not cut") {
  raft::Save cut = vote(2, 0);
  cut.entries.push_back(entry(1, 2));
  CHECK_THROWS_AS(oracle.durable(0, cut), Violation);
}

TEST_CASE_FIXTURE(Trial, "a node counts by the newest configuration on its disk") {
  const raft::Configuration first = oracle.golden.configuration(raft::Index(1)).configuration;
  const raft::Entry second{raft::Index(2), raft::Term(1), raft::EntryType::kConfiguration,
                           raft::Payload(first.without(member(2)).encode())};
  platters[0].log.push_back({second, chain_of(platters[0].log.back().chain, second)});
  raft::Restored from = restored(0);
  CHECK_NOTHROW(start(0, from));
  oracle.stopped(0);
  SUBCASE("not by the one before") {
    from.configurations.pop_back();
    CHECK_THROWS_AS(start(0, from), Violation);
  }
  SUBCASE("not by another one") {
    from.configurations.back().configuration = first;
    CHECK_THROWS_AS(start(0, from), Violation);
  }
}

TEST_CASE_FIXTURE(Trial, "nothing that promises leaves before it is durable") {
  const auto sent = [&](const raft::Message& message) {
    oracle.sent(0, {member(0), member(1), message});
  };
  SUBCASE("a vote") {
    const raft::VoteResponse granted{raft::Term(2), false, true};
    CHECK_THROWS_AS(sent(granted), Violation);
    save(0, vote(2, 2));
    CHECK_THROWS_AS(sent(granted), Violation);
    platters[0].hard_state.voted_for = member(1);
    CHECK_NOTHROW(sent(granted));
  }
  SUBCASE("its own candidature") {
    const raft::VoteRequest request{raft::Term(2), raft::Index(1), raft::Term(1), false, false};
    CHECK_THROWS_AS(sent(request), Violation);
    save(0, vote(2, 0));
    CHECK_NOTHROW(sent(request));
  }
  SUBCASE("a rehearsal promises nothing") {
    CHECK_NOTHROW(sent(raft::VoteRequest{raft::Term(2), raft::Index(1), raft::Term(1), true, false}));
  }
  SUBCASE("an acknowledgement") {
    CHECK_NOTHROW(sent(raft::AppendResponse{raft::Term(1), true, raft::Index(1), {}, {}}));
    CHECK_THROWS_AS(sent(raft::AppendResponse{raft::Term(1), true, raft::Index(2), {}, {}}),
                    Violation);
  }
  SUBCASE("a snapshot's") {
    const raft::SnapshotMark mark{raft::Index(5), raft::Term(1)};
    CHECK_THROWS_AS(sent(raft::SnapshotResponse{raft::Term(1), mark, 1, 0, true}), Violation);
  }
  SUBCASE("another entry than was committed") {
    const raft::AppendResponse append{raft::Term(1), true, raft::Index(1), {}, {}};
    const raft::SnapshotMark mark{raft::Index(1), raft::Term(1)};
    const raft::SnapshotResponse snapshot{raft::Term(1), mark, 1, 0, true};
    CHECK_NOTHROW(sent(append));
    CHECK_NOTHROW(sent(snapshot));
    ++platters[0].log.back().chain;
    CHECK_THROWS_AS(sent(append), Violation);
    CHECK_THROWS_AS(sent(snapshot), Violation);
  }
  SUBCASE("a term") {
    CHECK_THROWS_AS(sent(raft::HeartbeatResponse{raft::Term(2), 1}), Violation);
  }
  SUBCASE("another's name") {
    const raft::Envelope forged{member(1), member(2), raft::HeartbeatResponse{raft::Term(1), 1}};
    CHECK_THROWS_AS(oracle.sent(0, forged), Violation);
  }
}

TEST_CASE_FIXTURE(Trial, "a message keeps to its limits, but for one entry that is larger") {
  raft::AppendRequest append{raft::Term(1), raft::Index(1), raft::Term(1), raft::Index(1), {}};
  const std::string bytes(raft::Options().max_append_bytes + 1, 'x');
  append.entries.push_back(entry(2, 1, bytes.c_str()));
  CHECK_NOTHROW(oracle.sent(0, {member(0), member(1), append}));
  append.entries.push_back(entry(3, 1));
  CHECK_THROWS_AS(oracle.sent(0, {member(0), member(1), append}), Violation);
}

TEST_CASE_FIXTURE(Trial, "a state that the golden log does not make is noticed") {
  CHECK_NOTHROW(oracle.state_is(0, raft::Index(1), oracle.golden.digest(raft::Index(1))));
  CHECK_THROWS_AS(oracle.state_is(0, raft::Index(1), 17), Violation);
  CHECK_THROWS_AS(oracle.state_is(0, raft::Index(2), 0), Violation);
  platters[0].records.put("skey", "value");
  CHECK_THROWS_AS(oracle.scan(), Violation);
}

TEST_CASE_FIXTURE(Trial, "nobody campaigns while a snapshot takes the place of its log") {
  raft::Options options;
  options.self = member(0);
  raft::Node node(options, restored(0), raft::Time());
  oracle.started(0, 0, node);
  oracle.replaces_log(0, true);
  CHECK_NOTHROW(oracle.observed(0, node));
  node.tick(raft::Time(10'000'000));
  REQUIRE(node.role() == raft::Role::kPreCandidate);
  CHECK_THROWS_AS(oracle.observed(0, node), Violation);
  oracle.replaces_log(0, false);
  CHECK_NOTHROW(oracle.observed(0, node));
}

TEST_CASE_FIXTURE(Trial, "a snapshot is of what was committed, and not older than the state") {
  SnapshotContent content;
  content.state.summary.applied_index = raft::Index(1);
  content.state.summary.applied_term = raft::Term(1);
  content.state.summary.digest = oracle.golden.digest(raft::Index(1));
  content.state.configuration = oracle.golden.configuration(raft::Index(1));
  platters[0].log.clear();
  CHECK_NOTHROW(oracle.installing(0, {raft::Index(1), raft::Term(1)}, content));
  CHECK_THROWS_AS(oracle.installing(0, {raft::Index(2), raft::Term(1)}, content), Violation);
  content.state.summary.digest = 17;
  CHECK_THROWS_AS(oracle.installing(0, {raft::Index(1), raft::Term(1)}, content), Violation);
}

}  // namespace
}  // namespace ticketd::sim
