// Random schedules of faults, requests and membership changes over a simulated cluster. While they
// run every invariant is checked after every event (cluster_invariants.h); after them the cluster
// must heal in bounded time (cluster_run.cpp).
//
//   TICKETD_SEED=17                   runs the schedule of that seed alone
//   TICKETD_SEED=17 TICKETD_RUNS=900  and of the 899 seeds after it
//   TICKETD_RUNS=5000                 more fresh schedules than usual
//   TICKETD_TRACE=1                   writes what members do to standard error
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "tests/raft/cluster_run.h"

namespace ticketd::raft::cluster {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kFreshRuns = 150;
#else
constexpr std::uint64_t kFreshRuns = 1000;
#endif
constexpr std::uint64_t kFirstSeed = 20'240'601;

std::optional<std::uint64_t> from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::nullopt : std::optional(std::strtoull(text, nullptr, 10));
}

Counts run_seeds(std::uint64_t first, std::uint64_t runs) {
  Counts counts;
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    const Plan plan = draw_plan(seed);
    INFO("TICKETD_SEED=" << seed << " runs this alone: " << plan);
    try {
      counts += run(plan).counts;
    } catch (const Violation& violation) {
      FAIL_CHECK(std::string(violation.what()));
    }
  }
  return counts;
}

/// Seeds whose schedules once broke the core, or the core made wrong on purpose, and how.
struct Regression {
  std::uint64_t seed;
  const char* found;
};

constexpr Regression kRegressions[] = {
    {1, "a leader whose own no-op was compacted away failed a check of its own"},
    {4, "a read was confirmed by the answer to an earlier round (made wrong on purpose)"},
    {2, "a vote was forgotten in a step-down within its term (made wrong on purpose)"},
    {500'044, "a read joined a round that was under way (made wrong on purpose)"},
    {601'865, "a learner was promoted before it held anything, and with it the majority was lost"},
    {603'008, "the same, with a single voter before"},
};

TEST_CASE("schedules that once found something pass") {
  for (const Regression& regression : kRegressions) {
    CAPTURE(regression.found);
    run_seeds(regression.seed, 1);
  }
}

void report(const Counts& counts) {
  MESSAGE("steps ", counts.steps, ", elections ", counts.elections, ", committed ",
          counts.committed, ", reads ", counts.reads, " + ", counts.reads_refused,
          " refused, restarts ", counts.restarts, ", truncations ", counts.truncations,
          ", snapshots ", counts.snapshots, " + ", counts.bad_snapshots, " bad, fetches ",
          counts.fetches, " + ", counts.compacted_fetches, " compacted, admissions ",
          counts.admissions, ", replacements ", counts.replacements, ", removals ", counts.removals,
          ", transfers ", counts.transfers, ", wipes ", counts.wipes, ", busy ", counts.busy);
}

TEST_CASE("whatever the faults, every invariant holds and the cluster heals") {
  const std::optional<std::uint64_t> seed = from_environment("TICKETD_SEED");
  const std::optional<std::uint64_t> runs = from_environment("TICKETD_RUNS");
  const Counts counts = run_seeds(seed.value_or(kFirstSeed), runs.value_or(seed ? 1 : kFreshRuns));
  report(counts);
  if (seed || runs) {
    return;
  }
  // Runs in which nothing happens prove nothing.
  for (const std::uint64_t count :
       {counts.elections, counts.reads, counts.reads_refused, counts.restarts, counts.truncations,
        counts.snapshots, counts.bad_snapshots, counts.fetches, counts.compacted_fetches,
        counts.admissions, counts.replacements, counts.removals, counts.transfers, counts.wipes,
        counts.busy}) {
    CHECK(count > 0);
  }
}

}  // namespace
}  // namespace ticketd::raft::cluster
