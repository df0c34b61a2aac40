// What a recovered node gives: no number that anybody may have been given before.
#include "server/recovery.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/store/fixture.h"

namespace ticketd::server::testing {
namespace {

using store::testing::TestReplica;
using ticket::Kind;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

/// One of three, which holds what is committed here; the others may have given more.
class Survivor {
 public:
  explicit Survivor(std::vector<ticket::Operation> operations) {
    TestReplica replica(options_);
    store::Identity identity;
    identity.node = raft::NodeId(1);
    identity.incarnation = raft::Incarnation(1);
    identity.cluster_id = 77;
    REQUIRE(replica.disk().set_identity(identity).ok());
    replica.save(store::testing::save_of({store::testing::configuration_entry(1, 1, 3)}));
    commit_on(replica, std::move(operations));
  }

  Result<RecoveryPlan> plan(std::uint64_t forward) { return on_disk(forward, false); }
  RecoveryPlan recover(std::uint64_t forward) {
    Result<RecoveryPlan> done = on_disk(forward, true);
    REQUIRE(done.ok());
    return *std::move(done);
  }

  /// The node runs, carries this out, and ends.
  void commit(std::vector<ticket::Operation> operations) {
    TestReplica replica(options_);
    commit_on(replica, std::move(operations));
  }
  /// The next number of a sequence, taken.
  std::uint64_t next(const std::string& sequence) {
    TestReplica replica(options_);
    commit_on(replica, {{Kind::kTake, sequence, {1}, ""}});
    return *replica.last(sequence);
  }

 private:
  void commit_on(TestReplica& replica, std::vector<ticket::Operation> operations) {
    const raft::Restored& restored = replica.opened().restored;
    const std::uint64_t from = replica.applied().summary.applied_index.value + 1;
    const std::uint64_t last = std::max<std::uint64_t>(restored.last_index.value, 1);
    replica.apply(replica.fetch_all(from, last));
    const std::uint64_t term = std::max<std::uint64_t>(restored.hard_state.current_term.value, 1);
    replica.append_and_apply(
        {store::testing::command_entry(last + 1, term, std::move(operations))});
  }

  Result<RecoveryPlan> on_disk(std::uint64_t forward, bool go_ahead) {
    store::testing::TestLoop loop;
    auto disk = store::testing::open_disk(options_, loop);
    REQUIRE(disk.ok());
    Result<RecoveryPlan> planned = plan_recovery(**disk, forward);
    if (go_ahead) {
      REQUIRE(planned.ok());
      REQUIRE(server::recover(**disk, *planned).ok());
    }
    (*disk)->close();
    return planned;
  }

  store::testing::TemporaryDirectory directory_;
  store::DiskOptions options_ = store::testing::small_options(directory_.path());
};

}  // namespace

TEST_CASE("recovery: a sequence whose first numbers were lost begins behind them") {
  Survivor node({{Kind::kTake, "known", {5}, ""}, {Kind::kTake, "", {7}, ""}});
  // Another node gave the numbers 0 to 41 of "lost", of which nothing has come here.
  const RecoveryPlan plan = node.recover(1'000);
  CHECK(plan.beginning == 1'000);
  CHECK(plan.sequences == std::vector<ticket::Found>{{"", 7}, {"known", 4}});
  CHECK(node.next("lost") == 1'000);
  CHECK(node.next("known") == 1'005);
  CHECK(node.next("") == 1'008);
}

TEST_CASE("recovery: a second one begins unknown sequences further up than the first") {
  Survivor node({{Kind::kTake, "known", {5}, ""}});
  node.recover(1'000);
  // Those that are lost now began at 1,000, as this one did.
  CHECK(node.next("between") == 1'000);
  CHECK(node.recover(500).beginning == 1'500);
  CHECK(node.next("lost") == 1'500);
  CHECK(node.next("between") == 1'501);
  CHECK(node.next("known") == 1'505);
}

TEST_CASE("recovery: two in a row add up before the node has run") {
  Survivor node({{Kind::kTake, "known", {5}, ""}});
  node.recover(1'000);
  CHECK(node.recover(1'000).beginning == 2'000);
  CHECK(node.next("lost") == 2'000);
  CHECK(node.next("known") == 2'005);
}

TEST_CASE("recovery: a sequence that is removed and made again is one that is not known") {
  Survivor node({{Kind::kTake, "known", {5}, ""}, {Kind::kTake, "removed", {5}, ""}});
  node.commit({{Kind::kRemove, "removed", {0}, ""}});
  node.recover(1'000);
  CHECK(node.next("removed") == 1'000);
  node.commit({{Kind::kRemove, "known", {0}, ""}});
  CHECK(node.next("known") == 1'000);
}

TEST_CASE("recovery: without a way forward nothing moves") {
  Survivor node({{Kind::kTake, "known", {5}, ""}});
  CHECK(node.recover(0).beginning == 0);
  CHECK(node.next("new") == 0);
  CHECK(node.next("known") == 5);
  CHECK(node.next("") == 1);
}

TEST_CASE("recovery: more sequences than one entry takes") {
  std::vector<ticket::Operation> takes;
  for (int i = 0; i < 2'500; ++i) takes.push_back({Kind::kTake, std::to_string(i), {1}, ""});
  Survivor node(std::move(takes));
  CHECK(node.recover(1'000).sequences.size() == 2'501);
  CHECK(node.next("0") == 1'001);
  CHECK(node.next("2499") == 1'001);
  CHECK(node.next("2500") == 1'000);
}

TEST_CASE("recovery: a sequence near the last number is used up, and holds up no other") {
  Survivor node({{Kind::kAdvance, "far", {kMax - 9}, ""},
                 {Kind::kAdvance, "further", {kMax - 10}, ""},
                 {Kind::kAdvance, "used up", {kMax}, ""},
                 {Kind::kTake, "known", {5}, ""}});
  const RecoveryPlan plan = node.recover(10);
  CHECK(plan.moved(kMax - 9) == kMax);
  CHECK(plan.moved(kMax - 11) == kMax - 1);
  for (const std::string sequence : {"far", "further", "used up"}) {
    CHECK(node.next(sequence) == kMax);  // where it stands: none is taken
  }
  CHECK(node.next("known") == 15);
}

TEST_CASE("recovery: where unknown sequences begin does not move past the last number") {
  Survivor node({{Kind::kRaiseBeginning, "", {kMax - 9}, ""}});
  const Result<RecoveryPlan> plan = node.plan(10);
  REQUIRE_FALSE(plan.ok());
  CHECK(plan.error().message ==
        "a named sequence that is not known begins at 18446744073709551606 and "
        "would pass 2^64 - 1: give a smaller --forward");
  CHECK(node.plan(9).ok());
}

}  // namespace ticketd::server::testing
