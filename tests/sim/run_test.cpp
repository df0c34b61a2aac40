#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "sim/events.h"
#include "sim/run.h"
#include "sim/shrink.h"
#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {
namespace {

std::uint64_t trace_of(const Plan& plan) {
  Simulation simulation(plan);
  simulation.run();
  return simulation.trace_hash();
}

TEST_CASE("a seed run twice gives one trace, and another seed another one") {
  Overrides short_runs;
  short_runs.operations = 300;
  short_runs.time_ms = 30'000;
  std::vector<std::uint64_t> traces;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Plan plan = draw_plan(seed, short_runs);
    CAPTURE(seed);
    traces.push_back(trace_of(plan));
    CHECK(trace_of(plan) == traces.back());
  }
  std::sort(traces.begin(), traces.end());
  CHECK(std::unique(traces.begin(), traces.end()) == traces.end());
}

TEST_CASE("a record that is changed behind a replica's back is found") {
  Overrides calm;
  calm.calm = true;
  calm.operations = 50;
  Simulation simulation(draw_plan(1, calm));
  simulation.events.after(1'000'000, [&] {
    simulation.process(1).disk().state().put("s", std::string(8, '\7'));
  });
  CHECK_THROWS_AS(simulation.run(), Violation);
}

TEST_CASE("below durability high power cuts take what was acknowledged, and only they do") {
  Overrides cuts;
  cuts.faults = FaultSet();
  cuts.faults->set(Fault::kCrashes, true);
  cuts.faults->set(Fault::kPowerCuts, true);
  cuts.voters = 5;
  cuts.operations = 1'000;
  Statistics met;
  for (std::uint64_t seed = 1; met.power_cuts_felt == 0; ++seed) {
    REQUIRE(seed <= 20);
    Simulation simulation(draw_plan(seed, cuts));
    CHECK(simulation.knobs.durability != Durability::kHigh);
    simulation.run();
    met += simulation.statistics;
  }
  CHECK(met.power_cuts >= met.power_cuts_felt);
  CHECK(met.crashes > met.power_cuts);
  cuts.faults->set(Fault::kPowerCuts, false);
  CHECK(Simulation(draw_plan(1, cuts)).knobs.durability == Durability::kHigh);
}

TEST_CASE("a majority that stays away is a breach of liveness") {
  Overrides calm;
  calm.calm = true;
  calm.operations = 20;
  Simulation simulation(draw_plan(1, calm));
  for (const std::uint32_t process : {1U, 2U}) {
    simulation.events.after(1'000'000, [&simulation, process] {
      simulation.process(process).crash();
      simulation.operators.lost(simulation.process(process).platter().member());
      simulation.process(process).replace_disk();
    });
  }
  CHECK_THROWS_AS(simulation.run(), Violation);
}

// --- The dead -------------------------------------------------------------------------------------

namespace {

/// What arrived of the dead in a run in which leaders die again and again.
Statistics with_dying_leaders(unsigned drain_permille) {
  Overrides calm;
  calm.calm = true;
  calm.operations = 20;
  const Plan plan = draw_plan(1, calm);
  Knobs knobs = draw_knobs(plan);
  knobs.drain_permille = drain_permille;
  knobs.delay_min = knobs.delay_max = 5'000;  // something is always on its way
  Simulation simulation(plan, knobs, nullptr);
  std::function<void()> strike = [&] {
    if (simulation.healed()) return;
    if (Process* leader = simulation.leader()) simulation.faults.crash_for_a_while(*leader);
    simulation.events.after(1'703'000, strike);
  };
  simulation.events.after(2'000'000, strike);
  simulation.run();
  return simulation.statistics;
}

}  // namespace

TEST_CASE("what a process had sent arrives when it is dead, unless its connections are reset") {
  const Statistics drained = with_dying_leaders(1'000);
  CHECK(drained.drained > 0);
  CHECK(drained.after_death > 0);
  const Statistics reset = with_dying_leaders(0);
  CHECK(reset.crashes > 0);
  CHECK(reset.drained == 0);
  CHECK(reset.after_death == 0);
}

// --- Disks on trial -------------------------------------------------------------------------------

namespace {

/// Three nodes at rest; after some requests process 1 crashes, and something befalls its platter.
std::unique_ptr<Simulation> crashed(const std::function<void(Platter&)>& befalls) {
  Overrides calm;
  calm.calm = true;
  calm.operations = 20;
  auto simulation = std::make_unique<Simulation>(draw_plan(1, calm));
  Simulation& running = *simulation;
  running.events.after(6'000'000, [&running, befalls] {
    Process& process = running.process(1);
    process.crash();
    befalls(process.platter());
    running.operators.restart(process);
  });
  return simulation;
}

constexpr Platter::RotPlace kFileHeader{20, true};

}  // namespace

TEST_CASE("a node whose journal has rotted is refused its disk, and comes back without it") {
  Simulation* running = nullptr;
  const auto simulation = crashed([&](Platter& platter) {
    platter.rot(kFileHeader, 3);
    running->operators.lost(platter.member());
  });
  running = simulation.get();
  CHECK_NOTHROW(simulation->run());
  CHECK(simulation->statistics.rot_found == 1);
  CHECK(simulation->statistics.joins == 1);
}

TEST_CASE("a sound journal that is refused is a breach, and a damaged one that is not") {
  CHECK_THROWS_AS(crashed([](Platter& platter) {
                    platter.rot(kFileHeader, 3);
                    platter.rotten = false;
                  })->run(),
                  Violation);
  CHECK_THROWS_AS(crashed([](Platter& platter) { platter.rotten = true; })->run(), Violation);
}

TEST_CASE("a disk that loses what was promised is a breach") {
  CHECK_NOTHROW(crashed([](Platter&) {})->run());
  CHECK_THROWS_AS(crashed([](Platter& platter) { platter.stored.log.pop_back(); })->run(),
                  Violation);
  CHECK_THROWS_AS(crashed([](Platter& platter) {
                    platter.stored.hard_state.current_term = raft::Term();
                  })->run(),
                  Violation);
}

TEST_CASE("events come in the order of their times, and of their making") {
  Random random(7);
  EventQueue queue;
  std::vector<std::pair<Micros, std::uint32_t>> expected;
  for (std::uint32_t slot = 0; slot < 1'000; ++slot) {
    const Micros at = random.below(100);
    queue.push({.at = at, .process = kNobody, .life = 0, .slot = slot, .kind = EventKind::kClient});
    expected.emplace_back(at, slot);
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [at, slot] : expected) {
    const Event event = queue.pop();
    CHECK(event.at == at);
    CHECK(event.slot == slot);
  }
  CHECK(queue.empty());
}

TEST_CASE("a clock gets where it is awaited, whatever its rate") {
  Random random(3);
  for (int i = 0; i < 1'000; ++i) {
    Clock clock;
    const auto rate = static_cast<std::int64_t>(random.below(100'000)) - 50'000;
    const Micros started = random.below(1'000'000);
    clock.start(random.below(1'000'000'000), started, rate);
    const Micros now = started + random.below(1'000'000'000);
    const raft::Time wanted = clock.at(now) + random.below(10'000'000);
    const Micros moment = clock.moment_of(wanted, now);
    CHECK(clock.at(moment) >= wanted);
    CHECK((moment == now || clock.at(moment - 1) < wanted + 1));
  }
}

TEST_CASE("every fault class has a name of its own") {
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    CHECK(fault_named(to_string(fault)) == fault);
  }
  CHECK_FALSE(fault_named("lightning").has_value());
}

// --- Shrinking ------------------------------------------------------------------------------------

TEST_CASE("shrinking keeps what the failure needs and nothing else") {
  Plan plan;
  plan.faults = FaultSet::all();
  plan.voters = 7;
  plan.learners = 2;
  plan.clients = 20;
  plan.operations = 5'000;
  const Attempt attempt = [](const Plan& tried) -> std::optional<Failure> {
    if (!tried.faults.has(Fault::kCrashes) || tried.voters < 3 || tried.operations < 100) {
      return std::nullopt;
    }
    if (!tried.faults.has(Fault::kLoss)) return Failure{"something else", {}};
    return Failure{"broken", 7'500'000};
  };
  const Plan least = shrink(plan, {"broken", {}}, attempt, 2, [](const Plan&) {});
  CHECK(least.faults.names() == "loss,crashes");
  CHECK(least.voters == 3);
  CHECK(least.learners == 0);
  CHECK(least.clients == 1);
  CHECK(least.sequences == 1);
  CHECK(least.operations == 100);
  CHECK(least.time_ms == 7'501);
}

TEST_CASE("a failure is known by what it says, not by its numbers") {
  const Failure one = failure_in("seed 7: 2.1 leads in term 5\nat 1234 us, golden\nFAILED: x\n");
  const Failure other = failure_in("seed 8: 3.17 leads in term 61\nat 99 us, golden\nFAILED: y\n");
  CHECK(one.kind == other.kind);
  CHECK(one.at == 1234);
  const Failure aborted =
      failure_in("raft/state.cpp:48: ENSURE failed: now <= to (2 and 1)\nFAILED (aborted): z\n");
  CHECK(aborted.kind == "raft/state.cpp:48: ENSURE failed: now <= to ");
  CHECK_FALSE(aborted.at.has_value());
}

}  // namespace
}  // namespace ticketd::sim
