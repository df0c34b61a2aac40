#include "sim/plan.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "base/hash.h"
#include "store/journal_format.h"

namespace ticketd::sim {

namespace {

constexpr const char* kNames[] = {
    "loss",       "duplicates", "reorder",   "delay",    "clogs",     "partitions", "damage",
    "breaks",     "crashes",    "stops",     "pauses",   "slow-disk", "hung-disk",  "io-errors",
    "full-disk",  "wipes",      "clocks",    "membership", "transfers", "tiny-limits", "compaction",
    "bad-files",  "cold-state", "slow-loop", "give-ups",
    "bit-rot",    "power-cuts", "usurpers"};
static_assert(std::size(kNames) == kFaults);

unsigned permille(Random& random, unsigned high) {
  return static_cast<unsigned>(log_uniform(random, 1, high));
}

}  // namespace

const char* to_string(Fault fault) { return kNames[static_cast<std::size_t>(fault)]; }

std::optional<Fault> fault_named(std::string_view name) {
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<Fault>(found - std::begin(kNames));
}

std::string FaultSet::names() const {
  std::string names;
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (!has(static_cast<Fault>(i))) continue;
    if (!names.empty()) names += ',';
    names += kNames[i];
  }
  return names.empty() ? "none" : names;
}

std::uint64_t log_uniform(Random& random, std::uint64_t low, std::uint64_t high) {
  const auto bits = [](std::uint64_t n) { return static_cast<std::uint64_t>(std::bit_width(n)); };
  const std::uint64_t width = random.between(bits(low), bits(high));
  const std::uint64_t smallest = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
  const std::uint64_t largest = width == 0 ? 0 : smallest + (smallest - 1);
  return random.between(std::max(low, smallest), std::min(high, largest));
}

Random stream(std::uint64_t seed, std::string_view purpose) {
  return Random(hash64(purpose, seed));
}

Plan draw_plan(std::uint64_t seed, const Overrides& overrides) {
  Random random = stream(seed, "plan");
  Plan plan;
  plan.seed = seed;
  plan.faults = FaultSet::of(random.next());
  constexpr unsigned kVoters[] = {1, 2, 3, 3, 3, 4, 5, 5, 6, 7};
  plan.voters = kVoters[random.below(std::size(kVoters))];
  plan.learners = static_cast<unsigned>(random.chance(1, 4) ? random.between(1, 2) : 0);
  plan.clients = static_cast<unsigned>(log_uniform(random, 1, 32));
  plan.sequences = static_cast<unsigned>(random.between(1, 8));
  plan.operations = log_uniform(random, 2'000, 8'000);
  plan.calm = overrides.calm;
  if (plan.calm) {
    plan.faults = {};
    plan.voters = 3;
    plan.learners = 0;
    plan.clients = 1;
    plan.sequences = 1;
  }
  if (overrides.faults) plan.faults = *overrides.faults;
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (overrides.without.has(static_cast<Fault>(i))) {
      plan.faults.set(static_cast<Fault>(i), false);
    }
  }
  plan.voters = overrides.voters.value_or(plan.voters);
  plan.learners = overrides.learners.value_or(plan.learners);
  plan.clients = overrides.clients.value_or(plan.clients);
  plan.sequences = overrides.sequences.value_or(plan.sequences);
  plan.operations = overrides.operations.value_or(plan.operations);
  plan.time_ms = overrides.time_ms.value_or(plan.time_ms);
  return plan;
}

std::string command_line(const Plan& plan) {
  const auto option = [](const char* name, std::uint64_t value) {
    return std::string(" --") + name + " " + std::to_string(value);
  };
  std::string line = "ticketd-sim" + option("seed", plan.seed);
  if (plan.calm) line += " --calm";
  return line + " --faults " + plan.faults.names() + option("nodes", plan.voters) +
         option("learners", plan.learners) + option("clients", plan.clients) +
         option("sequences", plan.sequences) + option("operations", plan.operations) +
         option("time-ms", plan.time_ms);
}

// --- Knobs: one stream a class, so that switching one off leaves the others as they are -----------

namespace {

/// A leader that lost its majority leads on for the greatest time-out, and a new one may come after
/// the least: the further they are apart, the longer two lead at once, of two terms.
void draw_times(const Plan& plan, Knobs& knobs) {
  Random random = stream(plan.seed, "times");
  raft::Options& raft = knobs.raft;
  raft.election_timeout_min = random.between(100'000, 400'000);
  raft.election_timeout_max = raft.election_timeout_min + random.between(80'000, 600'000);
  raft.heartbeat_interval = raft.election_timeout_min / random.between(3, 8);
  knobs.request_timeout = random.between(1'000'000, 6'000'000);
  knobs.fault_interval = log_uniform(random, 200'000, 10'000'000);
  knobs.operator_interval = log_uniform(random, 200'000, 10'000'000);
  raft.snapshot_chunk_timeout = random.chance(1, 2) ? 20'000'000 : 2'000'000;
  knobs.grows = random.chance(1, 4);
}

void draw_network(const Plan& plan, Knobs& knobs) {
  Random random = stream(plan.seed, "network");
  knobs.delay_min = log_uniform(random, 50, 2'000);
  knobs.delay_max = knobs.delay_min + log_uniform(random, 1, 3'000);
  Random loss = stream(plan.seed, "loss");
  if (plan.faults.has(Fault::kLoss)) knobs.loss_permille = permille(loss, 300);
  Random twice = stream(plan.seed, "duplicates");
  if (plan.faults.has(Fault::kDuplicates)) knobs.duplicate_permille = permille(twice, 500);
  Random order = stream(plan.seed, "reorder");
  if (plan.faults.has(Fault::kReorder)) {
    knobs.ordered = false;
    knobs.delay_max = knobs.delay_min + log_uniform(order, 100, 30'000);
  }
  Random late = stream(plan.seed, "delay");
  if (plan.faults.has(Fault::kDelay)) knobs.long_delay_permille = permille(late, 50);
  Random damage = stream(plan.seed, "damage");
  if (plan.faults.has(Fault::kDamage)) knobs.damage_permille = permille(damage, 20);
  constexpr unsigned kDrains[] = {0, 500, 900, 1'000};
  Random drains = stream(plan.seed, "drains");
  knobs.drain_permille = kDrains[drains.below(std::size(kDrains))];
  Random breaks = stream(plan.seed, "breaks");
  if (plan.faults.has(Fault::kBreaks)) knobs.break_permille = permille(breaks, 10);
}

void draw_disk(const Plan& plan, Knobs& knobs) {
  Random random = stream(plan.seed, "disk");
  knobs.write_min = log_uniform(random, 50, 500);
  knobs.write_max = knobs.write_min + log_uniform(random, 10, 2'000);
  knobs.checkpoint_interval = log_uniform(random, 20'000, 1'000'000);
  Random slow = stream(plan.seed, "slow-disk");
  if (plan.faults.has(Fault::kSlowDisk)) {
    knobs.slow_write_permille = permille(slow, 200);
    knobs.slow_write_max = log_uniform(slow, 5'000, 400'000);
  }
  Random tail = stream(plan.seed, "compaction");
  if (plan.faults.has(Fault::kCompaction)) {
    // With hardly any log left, a snapshot comes over the branch of a leader that was cut off.
    knobs.log_tail = tail.chance(1, 2) ? tail.below(3) : log_uniform(tail, 1, 500);
    knobs.checkpoint_interval = log_uniform(tail, 20'000, 200'000);
  }
  Random bad = stream(plan.seed, "bad-files");
  if (plan.faults.has(Fault::kBadFiles)) knobs.bad_file_permille = permille(bad, 200);
  Random cold = stream(plan.seed, "cold-state");
  if (plan.faults.has(Fault::kColdState)) knobs.cache_bytes = log_uniform(cold, 1, 20'000);
  Random journal = stream(plan.seed, "journal");
  const bool tiny = plan.faults.has(Fault::kTinyLimits) && journal.chance(2, 3);
  const std::uint64_t blocks = tiny ? log_uniform(journal, 1, 8) : log_uniform(journal, 4, 31);
  knobs.half_bytes = blocks * store::kBlockBytes;
  knobs.checkpoint_bytes = knobs.half_bytes / journal.between(1, tiny ? 4 : 2);
  knobs.checkpoint_writes = static_cast<unsigned>(log_uniform(journal, 1, tiny ? 64 : 16));
  Random power = stream(plan.seed, "power-cuts");
  if (plan.faults.has(Fault::kPowerCuts)) {
    knobs.durability = power.chance(1, 2) ? Durability::kMedium : Durability::kLow;
  }
  Random crash = stream(plan.seed, "crash-on-write");
  if (plan.faults.has(Fault::kCrashes) && crash.chance(2, 3)) {
    knobs.crash_on_write_permille = permille(crash, 8);
  }
}

void draw_limits(const Plan& plan, Knobs& knobs) {
  raft::Options& raft = knobs.raft;
  raft.snapshot_chunk_bytes = 4'096;
  if (!plan.faults.has(Fault::kTinyLimits)) return;
  Random random = stream(plan.seed, "tiny-limits");
  raft.max_append_bytes = log_uniform(random, 1, 2'000);
  raft.max_inflight_appends = log_uniform(random, 1, 8);
  raft.max_inflight_bytes = log_uniform(random, raft.max_append_bytes, 8'000);
  raft.max_uncommitted_bytes = log_uniform(random, 100, 20'000);
  raft.cache_bytes = log_uniform(random, 1, 2'000);
  raft.snapshot_chunk_bytes = log_uniform(random, 64, 1'024);
  raft.max_pending_reads = log_uniform(random, 1, 16);
  if (random.chance(1, 3)) {
    knobs.keys_max = log_uniform(random, 4, 200);
    knobs.key_age_us = log_uniform(random, 1'000'000, 60'000'000);
  }
}

void draw_load(const Plan& plan, Knobs& knobs) {
  Random random = stream(plan.seed, "load");
  knobs.think_max = log_uniform(random, 100, 300'000);
  knobs.keyed_permille = static_cast<unsigned>(random.chance(1, 4) ? 1'000 : random.below(600));
  knobs.read_permille = static_cast<unsigned>(random.below(500));
  knobs.count_max = log_uniform(random, 1, 5);
  knobs.allow_delete = plan.seed % 4 == 0;
  Random keys = stream(plan.seed, "keys");
  knobs.key_reuse_permille =
      keys.chance(1, 2) ? 0 : static_cast<unsigned>(keys.between(1, 400));
  if (keys.chance(1, 3)) knobs.key_age_us = log_uniform(keys, 1'000'000, 60'000'000);
  knobs.read_back_permille = permille(keys, 500);
  Random distinct = stream(plan.seed, "distinct counts");
  knobs.distinct_permille =
      distinct.chance(1, 3) ? 0 : static_cast<unsigned>(distinct.between(1, 1'000));
  Random impatient = stream(plan.seed, "give-ups");
  if (plan.faults.has(Fault::kGiveUps)) knobs.give_up_permille = permille(impatient, 900);
  Random loop = stream(plan.seed, "slow-loop");
  if (plan.faults.has(Fault::kSlowLoop)) knobs.turn_delay_max = log_uniform(loop, 10, 20'000);
}

Knobs calm_knobs() {
  Knobs knobs;  // the server's own time-outs
  knobs.think_max = 2'000'000;  // one request a second
  knobs.grows = false;
  return knobs;
}

}  // namespace

Knobs draw_knobs(const Plan& plan) {
  if (plan.calm) return calm_knobs();
  Knobs knobs;
  draw_times(plan, knobs);
  draw_network(plan, knobs);
  draw_disk(plan, knobs);
  draw_limits(plan, knobs);
  draw_load(plan, knobs);
  return knobs;
}

}  // namespace ticketd::sim
