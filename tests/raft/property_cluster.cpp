// One property of Raft at a time, under the faults that threaten it most. A failure is made small
// by rapidcheck: fewer classes of faults, fewer members, a shorter run.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>

#include "tests/raft/cluster_run.h"

namespace ticketd::raft::cluster {
namespace {

struct Focus {
  const char* name;
  /// On in every run.
  unsigned classes;
  /// On in some, and dropped first when a failure is made smaller.
  unsigned more;
};

constexpr Focus kFoci[] = {
    {"election safety: at most one leader a term, by durable votes",
     kCrashes | kPartitions | kLossyNetwork, kPauses | kWildClocks | kTransfers},
    {"log matching: one (index, term) is one prefix", kPartitions | kLossyNetwork | kTinyLimits,
     kCrashes | kUnreachable | kLazyOwner},
    {"leader completeness: what is committed is in every later leader's log",
     kCrashes | kPartitions | kHungDisks, kTransfers | kLossyNetwork | kCompaction},
    {"state-machine safety: one entry at an index, applied once, in order",
     kCrashes | kCompaction | kLazyOwner, kPartitions | kTinyLimits | kPauses},
    {"reads see all that was committed before they began", kPartitions | kPauses | kTransfers,
     kLossyNetwork | kWildClocks | kCrashes | kLazyOwner},
    {"membership changes under faults keep every promise", kMembership | kCrashes | kPartitions,
     kWipes | kCompaction | kMisrouting | kLossyNetwork | kTransfers},
    {"a lost disk comes back as a new member that never votes for the old one",
     kMembership | kWipes | kMisrouting, kCrashes | kPartitions | kCompaction | kPauses},
    {"leadership goes over without a promise broken", kTransfers | kLossyNetwork,
     kCrashes | kPartitions | kPauses | kHungDisks},
    {"slow followers are caught up by snapshots, whatever becomes of the files",
     kCompaction | kBadSnapshots | kTinyLimits | kPauses, kCrashes | kPartitions | kLossyNetwork},
    {"hung disks hold back what rests on them and nothing else", kHungDisks | kTinyLimits,
     kCrashes | kPartitions | kCompaction | kTransfers},
};

rc::Gen<Plan> plan_for(const Focus& focus) {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>()),
                     rc::gen::inRange(1U, 8U), rc::gen::inRange(0U, 3U),
                     rc::gen::inRange(500U, 3000U),
                     rc::gen::container<std::vector<bool>>(15, rc::gen::arbitrary<bool>())),
      [focus](const auto& drawn) {
        Plan plan;
        plan.seed = std::get<0>(drawn);
        plan.voters = std::get<1>(drawn);
        plan.learners = std::get<2>(drawn);
        plan.duration_ms = std::get<3>(drawn);
        plan.classes = focus.classes;
        for (unsigned bit = 0; bit < 15; ++bit) {
          plan.classes |= std::get<4>(drawn)[bit] ? focus.more & (1U << bit) : 0U;
        }
        return plan;
      });
}

TEST_CASE("each property holds under the faults that threaten it most") {
  for (const Focus& focus : kFoci) {
    CHECK(rc::check(focus.name, [&focus] {
      const Plan plan = *plan_for(focus);
      try {
        run(plan);
      } catch (const Violation& violation) {
        RC_FAIL(violation.what());
      }
    }));
  }
}

TEST_CASE("one plan run twice is one history") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Plan plan = draw_plan(seed);
    CHECK(run(plan).trace_hash == run(plan).trace_hash);
  }
}

}  // namespace
}  // namespace ticketd::raft::cluster
