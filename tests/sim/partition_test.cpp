#include "sim/partition.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "sim/simulation.h"

namespace ticketd::sim {
namespace {

std::vector<std::uint32_t> first_nodes(std::uint32_t count) {
  std::vector<std::uint32_t> nodes(count);
  std::iota(nodes.begin(), nodes.end(), 0U);
  return nodes;
}

/// How many of `count` nodes `from` reaches and is reached by, itself among them.
std::size_t reached(const Cuts& cuts, std::uint32_t from, std::uint32_t count) {
  const auto is_cut = [&](std::uint32_t a, std::uint32_t b) {
    return std::any_of(cuts.begin(), cuts.end(),
                       [&](const Cut& cut) { return cut.from == a && cut.to == b; });
  };
  std::size_t others = 0;
  for (std::uint32_t to = 0; to < count; ++to) {
    others += to != from && !is_cut(from, to) && !is_cut(to, from);
  }
  return 1 + others;
}

TEST_CASE("in a ring each node reaches just a majority") {
  for (std::uint32_t count = 1; count <= 12; ++count) {
    CAPTURE(count);
    const Cuts cuts = ring(first_nodes(count));
    const std::size_t majority = count / 2 + 1;
    std::size_t one_more = 0;
    for (std::uint32_t node = 0; node < count; ++node) {
      const std::size_t seen = reached(cuts, node, count);
      CHECK(seen >= majority);
      CHECK(seen <= majority + 1);
      one_more += seen == majority + 1;
    }
    CHECK(one_more == (count % 4 == 3 ? 1 : 0));
    CHECK(cuts.empty() == (count < 3));
  }
}

TEST_CASE("a partition cuts something, nobody from itself, and nothing twice") {
  Random random(11);
  for (int i = 0; i < 2'000; ++i) {
    const auto count = static_cast<std::uint32_t>(2 + random.below(6));
    std::set<std::pair<std::uint32_t, std::uint32_t>> paths;
    for (const Cut& cut : draw_partition(random, first_nodes(count))) {
      CHECK(cut.from != cut.to);
      CHECK(paths.emplace(cut.from, cut.to).second);
    }
    CHECK_FALSE(paths.empty());
  }
}

TEST_CASE("who mends its own cut ends nobody else's") {
  Overrides calm;
  calm.calm = true;
  Simulation simulation(draw_plan(1, calm));
  Network& network = simulation.network;
  network.cut(0, 1);
  network.cut(0, 1);
  network.cut(1, 2);
  network.mend(0, 1);
  CHECK(network.is_cut(0, 1));
  CHECK_FALSE(network.is_cut(1, 0));
  network.mend(0, 1);
  CHECK_FALSE(network.is_cut(0, 1));
  CHECK(network.any_cut());
  network.mend_all();
  CHECK_FALSE(network.any_cut());
}

TEST_CASE("partitions come, go, come and go, and leave no path cut") {
  Overrides only;
  only.faults = FaultSet();
  only.faults->set(Fault::kPartitions, true);
  only.voters = 5;
  only.operations = 1'000;
  Statistics total;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Simulation simulation(draw_plan(seed, only));
    simulation.run();
    total += simulation.statistics;
    const bool may_stay = !simulation.minority.describe().empty();
    CHECK((may_stay || !simulation.network.any_cut()));
  }
  CHECK(total.partitions > 0);
  CHECK(total.flaps > 0);
}

}  // namespace
}  // namespace ticketd::sim
