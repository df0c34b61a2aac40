// The invariants on trial: histories with one thing wrong in them, which must be noticed, and by
// the check that is there for it.
#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "tests/raft/cluster_forgery.h"

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

Entry command(std::uint64_t index, std::uint64_t term, const std::string& text) {
  return {Index{index}, Term{term}, EntryType::kCommand, Payload(text)};
}

TEST_CASE("a correct history passes, through two reigns, a restart and a read") {
  Forgery f;
  f.reign(0, Term{2});
  const Entry entry = f.commit_command(0, "a");
  f.invariants.handed_out(f.id(0), {{Index{1}, Term{1}, EntryType::kConfiguration,
                                     Payload(f.view(0).configuration.configuration.encode())}});
  f.send(0, 1, f.append_request(0, {f.append(0, EntryType::kCommand, "b")}));
  f.invariants.read_started(f.id(0), ReadId{1}, f.options);
  f.invariants.read_answered(f.id(0), {ReadId{1}, entry.index});
  f.view(0).last = entry.index;
  f.restart(0, f.restored(0));
  f.view(0).configuration = f.view(1).configuration;
  f.reign(1, Term{3});
  f.commit_command(1, "c");
  CHECK(f.invariants.golden_last() == Index{5});
  CHECK(f.invariants.leaders_elected() == 2);
}

TEST_CASE("a forged election is noticed") {
  Forgery f;
  SUBCASE("two leaders of one term") {
    f.elect(0, Term{2});
    f.view(1).role = Role::kLeader;
    caught("and so does", [&] { f.show(1); });
  }
  SUBCASE("a leader without a majority of votes") {
    f.vote(0, Term{2}, 0);
    f.view(0).role = Role::kLeader;
    caught("with 1 durable votes of 3 voters", [&] { f.show(0); });
  }
  SUBCASE("a leader that leads again in its term after a restart") {
    f.elect(0, Term{2});
    f.restart(0, f.restored(0));
    f.view(0).role = Role::kLeader;
    caught("again after a restart", [&] { f.show(0); });
  }
  SUBCASE("a vote for two candidates") {
    f.vote(0, Term{2}, 0);
    caught("votes in term 2 for", [&] { f.vote(0, Term{2}, 1); });
  }
  SUBCASE("a vote forgotten by the next save in its term") {
    f.vote(0, Term{2}, 0);
    HardState forgotten;
    forgotten.current_term = Term{2};
    caught("forgets its vote", [&] { f.save(0, forgotten, {}); });
  }
  SUBCASE("a durable term that falls") {
    f.vote(0, Term{3}, 0);
    caught("the durable term falls", [&] { f.vote(0, Term{2}, 0); });
  }
  SUBCASE("a leader too short for what is committed") {
    f.reign(0, Term{2});
    f.vote(1, Term{3}, 2);
    f.vote(2, Term{3}, 2);
    f.view(2).role = Role::kLeader;
    f.view(2).last = Index{1};
    caught("although 2 was committed before", [&] { f.show(2); });
  }
}

TEST_CASE("a leader on a branch without what is committed is noticed by its first entry") {
  Forgery f;
  f.elect(0, Term{2});
  const Entry stray{Index{2}, Term{2}, EntryType::kNoop, {}};
  f.save(0, std::nullopt, {stray});
  f.reign(1, Term{3});  // overwrites (2, 2), which nobody else had
  f.elect(0, Term{4});
  // It claims to follow its own old entry.
  AppendRequest request;
  request.term = Term{4};
  request.prev_log_index = stray.index;
  request.prev_log_term = stray.term;
  request.entries = {{Index{3}, Term{4}, EntryType::kNoop, {}}};
  caught("does not hold the committed entry 2", [&] { f.send(0, 1, request); });
}

TEST_CASE("a view that goes back is noticed") {
  Forgery f;
  f.reign(0, Term{2});
  f.commit_command(0, "a");
  SUBCASE("the term") {
    f.view(1).term = Term{1};
    caught("its term fell", [&] { f.show(1); });
  }
  SUBCASE("the commit index") {
    f.view(0).commit = Index{2};
    caught("its commit index fell", [&] { f.show(0); });
  }
  SUBCASE("a leader's log") {
    f.view(0).last = f.view(0).commit = f.view(0).last;
    f.append(0, EntryType::kCommand, "b");
    f.view(0).last = f.view(0).last - 1;
    caught("a leader's log shrank", [&] { f.show(0); });
  }
  SUBCASE("what is applied beyond what is committed") {
    f.view(1).applied = Index{1};
    caught("does not hold", [&] { f.show(1); });
  }
}

TEST_CASE("a commit that the paper does not allow is noticed") {
  Forgery f;
  SUBCASE("not durable on a majority") {
    f.reign(0, Term{2});
    const Entry entry = f.append(0, EntryType::kCommand, "a");
    f.save(0, std::nullopt, {entry});
    caught("no majority of the voters holds durably", [&] { f.commit(0, entry.index); });
  }
  SUBCASE("an entry of an earlier term, by counting (figure 8)") {
    f.elect(0, Term{2});
    const Entry noop{Index{2}, Term{2}, EntryType::kNoop, {}};
    for (unsigned i = 0; i < 3; ++i) {
      f.save(i, std::nullopt, {noop});
      f.view(i).last = Index{2};
      f.show(i);
    }
    f.elect(1, Term{3});
    caught("no entry of that term is known", [&] { f.commit(1, Index{2}); });
  }
  SUBCASE("by one that does not lead") {
    f.elect(0, Term{2});
    f.view(1).last = Index{2};
    f.show(1);
    f.view(1).commit = Index{2};
    caught("acts as leader", [&] { f.show(1); });
  }
  SUBCASE("a command that nobody proposed") {
    f.reign(0, Term{2});
    const Entry entry = command(3, 2, "x");
    ++f.view(0).last;
    f.show(0);
    for (unsigned i = 0; i < 3; ++i) {
      f.save(i, std::nullopt, {entry});
    }
    caught("nobody proposed", [&] { f.commit(0, entry.index); });
  }
  SUBCASE("two proposals in one place") {
    f.reign(0, Term{2});
    f.append(0, EntryType::kCommand, "a");
    caught("gives two proposals place 3", [&] {
      f.invariants.proposed(f.id(0), {Index{3}, Term{2}}, "b", f.options);
    });
  }
}

TEST_CASE("logs that do not match are noticed") {
  Forgery f;
  f.reign(0, Term{2});
  const Entry entry = f.commit_command(0, "a");
  SUBCASE("two entries of one index and term") {
    Entry other = entry;
    other.payload = Payload("b");
    f.view(1).commit = Index{2};
    caught("is two different entries", [&] { f.save(1, std::nullopt, {other}); });
  }
  SUBCASE("an entry of a term without a leader") {
    HardState ahead;
    ahead.current_term = Term{9};
    f.save(1, ahead, {});
    caught("has no leader", [&] { f.save(1, std::nullopt, {command(4, 9, "b")}); });
  }
  SUBCASE("an entry that follows none anybody has") {
    caught("which follows none", [&] {
      AppendRequest request = f.append_request(0, {command(6, 2, "b")});
      request.prev_log_index = Index{5};
      f.view(0).last = Index{5};
      f.show(0);
      f.send(0, 1, request);
    });
  }
}

TEST_CASE("a configuration change that thesis 4.1 does not allow is noticed") {
  Forgery f;
  raft::Member learner;
  learner.id = {NodeId{9}, Incarnation{3}};
  learner.addresses.peer = "peer";
  const Configuration three = f.view(0).configuration.configuration;
  const auto changed_to = [&f](const Configuration& next) {
    return [&f, next] {
      f.send(0, 1, f.append_request(0, {f.append(0, EntryType::kConfiguration, next.encode())}));
    };
  };
  SUBCASE("two voters at once") {
    f.reign(0, Term{2});
    caught("more than one member", changed_to(three.without(f.id(1)).without(f.id(2))));
  }
  SUBCASE("a voter that never was a learner") {
    f.reign(0, Term{2});
    learner.voter = true;
    caught("without having been a learner", changed_to(three.with(learner)));
  }
  SUBCASE("before an entry of the leader's own term is committed") {
    f.elect(0, Term{2});
    f.save(0, std::nullopt, {{Index{2}, Term{2}, EntryType::kNoop, {}}});
    caught("was committed", changed_to(three.with(learner)));
  }
  SUBCASE("before the change ahead of it is committed") {
    f.reign(0, Term{2});
    const Configuration four = three.with(learner);
    const Entry first = f.append(0, EntryType::kConfiguration, four.encode());
    f.save(0, std::nullopt, {first});
    f.view(0).configuration = {first.index, four};
    caught("before the one at 3 was committed", changed_to(four.without(f.id(1))));
  }
  SUBCASE("a leader that knows of its removal and leads on") {
    f.reign(0, Term{2});
    const Configuration two = three.without(f.id(0));
    const Entry removal = f.append(0, EntryType::kConfiguration, two.encode());
    for (unsigned i = 0; i < 3; ++i) {
      f.save(i, std::nullopt, {removal});
      f.view(i).configuration = {removal.index, two};
    }
    f.commit(0, removal.index);
    const Entry next = f.append(0, EntryType::kCommand, "a");
    f.save(1, std::nullopt, {next});
    f.save(2, std::nullopt, {next});
    caught("knows that its removal is committed", [&] { f.commit(0, next.index); });
  }
}

}  // namespace
}  // namespace ticketd::raft::cluster
