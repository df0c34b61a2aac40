// The invariants on trial, second part: what is said, saved, applied and answered.
#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "tests/raft/cluster_forgery.h"
#include "tests/raft/cluster_run.h"

namespace ticketd::raft::cluster {
namespace {

template <class Action>
void caught(const std::string& by, Action action) {
  std::string said = "nothing";
  try {
    action();
  } catch (const Violation& violation) {
    said = violation.what();
  }
  CHECK_MESSAGE(said.find(by) != std::string::npos, "wanted: ", by, "; said: ", said);
}

TEST_CASE("a promise that rests on nothing durable is noticed") {
  Forgery f;
  SUBCASE("a vote") {
    f.vote(1, Term{2}, 0);
    f.view(2).term = Term{2};
    f.show(2);
    f.send(1, 0, VoteResponse{Term{2}, false, true});
    caught("a vote in term 2 that is not durable", [&] {
      f.send(2, 0, VoteResponse{Term{2}, false, true});
    });
  }
  SUBCASE("a vote given to another") {
    f.vote(1, Term{2}, 1);
    caught("that is not durable", [&] { f.send(1, 0, VoteResponse{Term{2}, false, true}); });
  }
  SUBCASE("a candidacy") {
    f.view(0).term = Term{2};
    f.show(0);
    VoteRequest request;
    request.term = Term{2};
    caught("before its own vote is durable", [&] { f.send(0, 1, request); });
  }
  SUBCASE("an acknowledgement of entries") {
    f.reign(0, Term{2});
    caught("acknowledges 3", [&] {
      f.send(1, 0, AppendResponse{Term{2}, true, Index{3}, {}, {}});
    });
  }
  SUBCASE("an acknowledgement in a term") {
    f.view(1).term = Term{5};
    f.show(1);
    caught("that is not durable", [&] {
      f.send(1, 0, AppendResponse{Term{5}, true, Index{1}, {}, {}});
    });
  }
  SUBCASE("a snapshot that is not in force") {
    SnapshotResponse response;
    response.term = Term{1};
    response.mark = {Index{2}, Term{2}};
    response.installed = true;
    caught("which it does not hold", [&] { f.send(1, 0, response); });
  }
}

TEST_CASE("a message that cannot be is noticed") {
  Forgery f;
  f.reign(0, Term{2});
  caught("to itself", [&] { f.send(0, 0, HeartbeatRequest{Term{2}, {}, 0}); });
  caught("speaks of term 3", [&] { f.send(1, 0, HeartbeatResponse{Term{3}, 0}); });
  caught("acts as leader", [&] { f.send(1, 0, HeartbeatRequest{Term{2}, {}, 0}); });
  caught("knows only", [&] { f.send(0, 1, HeartbeatRequest{Term{2}, Index{3}, 0}); });
  caught("that never was", [&] {
    f.send(0, 1, AppendRequest{Term{2}, Index{7}, Term{1}, {}, {}});
  });
  const Entry ahead = f.append(0, EntryType::kCommand, "a");
  f.save(0, std::nullopt, {ahead});
  f.save(1, std::nullopt, {ahead});
  f.commit(0, ahead.index);
  f.send(0, 1, HeartbeatRequest{Term{2}, ahead.index, 0});
  caught("which it does not hold", [&] {
    f.send(0, 2, HeartbeatRequest{Term{2}, ahead.index, 0});
  });
  caught("hands over to", [&] { f.send(0, 2, TimeoutNowRequest{Term{2}}); });
  SnapshotRequest uncommitted;
  uncommitted.term = Term{2};
  uncommitted.chunk.mark = {Index{4}, Term{2}};
  caught("never committed", [&] { f.send(0, 1, uncommitted); });
  f.invariants.stopped(f.id(1));
  caught("does not run", [&] { f.send(1, 0, HeartbeatResponse{Term{2}, 0}); });
}

TEST_CASE("more than the windows allow is noticed") {
  Forgery f;
  f.options.max_append_bytes = 10;
  f.options.max_inflight_appends = 4;
  f.options.max_inflight_bytes = 20;
  f.options.max_uncommitted_bytes = 30;
  f.options.snapshot_chunk_bytes = 8;
  f.reign(0, Term{2});
  SUBCASE("bytes in one request") {
    const Entry a = f.append(0, EntryType::kCommand, "123456");
    const Entry b = f.append(0, EntryType::kCommand, "123456");
    f.send(0, 1, f.append_request(0, {a}));
    caught("12 payload bytes", [&] { f.send(0, 1, f.append_request(0, {a, b})); });
  }
  SUBCASE("requests without an answer") {
    const auto flood = [&] {
      for (int i = 0; i < 9; ++i) {
        f.send(0, 1, f.append_request(0, {}));
      }
    };
    caught("requests to the silent", flood);
    f.invariants.delivered({f.id(1), f.id(0), HeartbeatResponse{Term{2}, 0}});
    f.send(0, 1, f.append_request(0, {}));
  }
  SUBCASE("bytes without an answer") {
    f.options.max_inflight_appends = 100;
    const Entry a = f.append(0, EntryType::kCommand, "1234567890");
    caught("still more to the silent", [&] {
      for (int i = 0; i < 20; ++i) {
        f.send(0, 1, f.append_request(0, {a}));
      }
    });
  }
  SUBCASE("a chunk") {
    SnapshotRequest request;
    request.term = Term{2};
    request.chunk.mark = {Index{2}, Term{2}};
    request.chunk.data = Payload("123456789");
    caught("a chunk of 9 bytes", [&] { f.send(0, 1, request); });
  }
  SUBCASE("uncommitted proposals") {
    caught("uncommitted bytes", [&] {
      for (int i = 0; i < 5; ++i) {
        f.append(0, EntryType::kCommand, "1234567890");
      }
    });
  }
  SUBCASE("waiting reads") {
    f.options.max_pending_reads = 1;
    caught("takes a read", [&] {
      for (std::uint64_t i = 0; i < 3; ++i) {
        f.invariants.read_started(f.id(0), ReadId{i}, f.options);
      }
    });
  }
}

TEST_CASE("a disk that forgets is noticed when the node starts") {
  Forgery f;
  f.reign(0, Term{2});
  Restored restored = f.restored(1);
  SUBCASE("its vote") { restored.hard_state.has_voted = false; }
  SUBCASE("its term") { restored.hard_state.current_term = Term{1}; }
  SUBCASE("its last entry") { restored.last_index = Index{1}; }
  SUBCASE("the term of an entry") { restored.term_starts.back().term = Term{1}; }
  SUBCASE("its beginning") { restored.compacted = {Index{1}, Term{1}}; }
  caught("the disk came back", [&] { f.restart(1, restored); });
}

TEST_CASE("a save that destroys or is not asked for in turn is noticed") {
  Forgery f;
  f.reign(0, Term{2});
  const Entry entry = f.commit_command(0, "a");
  const Entry stray{Index{9}, Term{2}, EntryType::kCommand, Payload("b")};
  caught("over a log of", [&] { f.save(1, std::nullopt, {stray}); });
  f.invariants.confirmed(f.id(1));
  caught("asks to save nothing", [&] { f.save(1, std::nullopt, {}); });
  f.invariants.save_due(f.id(2), {SaveId{90}, HardState{Term{2}, true, f.id(0), {}}, {}});
  caught("while another is outstanding", [&] { f.save(2, HardState{}, {}); });
  f.invariants.handed_out(f.id(0), {{Index{1}, Term{1}, EntryType::kConfiguration,
                                     Payload(f.view(0).configuration.configuration.encode())},
                                    {Index{2}, Term{2}, EntryType::kNoop, {}},
                                    entry});
  caught("overwrites from 3", [&] { f.save(0, std::nullopt, {entry}); });
}

TEST_CASE("a wrong apply is noticed") {
  Forgery f;
  f.reign(0, Term{2});
  const Entry entry = f.commit_command(0, "a");
  const Entry first{Index{1}, Term{1}, EntryType::kConfiguration,
                    Payload(f.view(0).configuration.configuration.encode())};
  const Entry noop{Index{2}, Term{2}, EntryType::kNoop, {}};
  Entry other = entry;
  other.payload = Payload("b");
  caught("after 0", [&] { f.invariants.handed_out(f.id(1), {noop}); });
  f.invariants.handed_out(f.id(1), {first, noop});
  caught("after 2", [&] { f.invariants.handed_out(f.id(1), {noop}); });
  caught("where another one was committed", [&] { f.invariants.handed_out(f.id(1), {other}); });
  f.invariants.handed_out(f.id(1), {entry});
  caught("which nobody committed", [&] {
    f.invariants.handed_out(f.id(1), {{Index{4}, Term{2}, EntryType::kCommand, Payload("c")}});
  });
  caught("another state", [&] { f.invariants.state_is(f.id(1), Index{3}, 5); });
  const Entry ahead = f.append(0, EntryType::kCommand, "d");
  f.save(0, std::nullopt, {ahead});
  f.save(2, std::nullopt, {ahead});
  f.commit(0, ahead.index);
  caught("before it is durable here", [&] { f.invariants.handed_out(f.id(1), {ahead}); });
}

TEST_CASE("a wrong installation is noticed") {
  Forgery f;
  f.reign(0, Term{2});
  f.commit_command(0, "a");
  caught("never committed", [&] { f.invariants.install_due(f.id(1), {Index{3}, Term{1}}); });
  caught("that agrees and goes on", [&] {
    f.invariants.install_due(f.id(1), {Index{2}, Term{2}});
  });
  f.invariants.handed_out(f.id(2), {{Index{1}, Term{1}, EntryType::kConfiguration,
                                     Payload(f.view(0).configuration.configuration.encode())}});
  caught("over a state of 1", [&] { f.invariants.install_due(f.id(2), {Index{1}, Term{1}}); });
  f.invariants.install_due(f.id(1), {Index{3}, Term{2}});
  caught("two snapshots at once", [&] { f.invariants.install_due(f.id(1), {Index{3}, Term{2}}); });
  caught("in place of the log", [&] {
    f.save(1, std::nullopt, {{Index{4}, Term{2}, EntryType::kCommand, Payload("b")}});
  });
  caught("in place of its state", [&] {
    f.invariants.handed_out(f.id(1), {{Index{1}, Term{1}, EntryType::kNoop, {}}});
  });
}

TEST_CASE("a wrong read is noticed") {
  Forgery f;
  f.reign(0, Term{2});
  f.commit_command(0, "a");
  f.invariants.read_started(f.id(0), ReadId{1}, f.options);
  caught("one number", [&] { f.invariants.read_started(f.id(0), ReadId{1}, f.options); });
  caught("had been committed when it began", [&] {
    f.invariants.read_answered(f.id(0), {ReadId{1}, Index{2}});
  });
  caught("which is not committed", [&] {
    f.invariants.read_answered(f.id(0), {ReadId{1}, Index{4}});
  });
  f.invariants.read_answered(f.id(0), {ReadId{1}, Index{3}});
  caught("not waiting", [&] { f.invariants.read_answered(f.id(0), {ReadId{1}, Index{3}}); });
}

/// Runs schedules with an owner that breaks its contract until that is noticed.
void noticed(Broken broken, bool trust_disks, const std::string& by) {
  std::string said = "nothing";
  for (std::uint64_t seed = 1; seed <= 300 && said.find(by) == std::string::npos; ++seed) {
    Plan plan = draw_plan(seed);
    plan.voters = 3;
    plan.classes = kCrashes | kPartitions | kCompaction;
    plan.duration_ms = 4000;
    plan.broken = broken;
    plan.trust_disks = trust_disks;
    try {
      run(plan);
    } catch (const Violation& violation) {
      said = violation.what();
    }
  }
  CHECK_MESSAGE(said.find(by) != std::string::npos, "wanted: ", by, "; last said: ", said);
}

TEST_CASE("an owner that breaks its contract is found out in a whole cluster") {
  SUBCASE("a disk that forgets its vote") {
    noticed(Broken::kForgetsVote, false, "the disk came back with term");
  }
  SUBCASE("the same, by its consequence") {
    noticed(Broken::kForgetsVote, true, "forgets its vote in term");
  }
  SUBCASE("a disk that drops an acknowledged entry") {
    noticed(Broken::kDropsTail, false, "the disk came back with a log up to");
  }
  SUBCASE("saves that are confirmed before they are durable") {
    noticed(Broken::kConfirmsEarly, false, "durable");
  }
  SUBCASE("acknowledgements for what nobody holds") {
    noticed(Broken::kForgesAppends, false, "no majority of the voters holds durably");
  }
  SUBCASE("votes that nobody gave") { noticed(Broken::kForgesVotes, false, "durable votes of"); }
  SUBCASE("a snapshot of another state") {
    noticed(Broken::kForgesState, false, "another state than the golden log makes");
  }
}

}  // namespace
}  // namespace ticketd::raft::cluster
