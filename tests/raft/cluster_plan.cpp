#include "tests/raft/cluster_plan.h"

#include <algorithm>
#include <bit>

namespace ticketd::raft::cluster {

std::ostream& operator<<(std::ostream& out, const Plan& plan) {
  return out << "Plan{.seed = " << plan.seed << ", .classes = 0x" << std::hex << plan.classes
             << std::dec << ", .voters = " << plan.voters << ", .learners = " << plan.learners
             << ", .duration_ms = " << plan.duration_ms << "}";
}

std::uint64_t log_uniform(Random& random, std::uint64_t low, std::uint64_t high) {
  const auto bits = [](std::uint64_t n) { return static_cast<std::uint64_t>(std::bit_width(n)); };
  const std::uint64_t width = random.between(bits(low), bits(high));
  const std::uint64_t smallest = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
  const std::uint64_t largest = width == 0 ? 0 : smallest + (smallest - 1);
  return random.between(std::max(low, smallest), std::min(high, largest));
}

Plan draw_plan(std::uint64_t seed) {
  Random random(seed ^ 0x706c616e);
  Plan plan;
  plan.seed = seed;
  plan.classes = static_cast<unsigned>(random.next()) & kAllClasses;
  constexpr unsigned kVoters[] = {1, 2, 3, 3, 3, 4, 5, 5, 7};
  plan.voters = kVoters[random.below(std::size(kVoters))];
  plan.learners = static_cast<unsigned>(random.chance(1, 4) ? random.between(1, 2) : 0);
  plan.duration_ms = static_cast<unsigned>(log_uniform(random, 2000, 12000));
  return plan;
}

namespace {

// A leader that lost its majority leads on for the greatest time-out, and a new one may come after
// the least: the further they are apart, the longer two lead at once, of two terms.
void draw_timeouts(Random& random, Options& options) {
  options.election_timeout_min = random.between(60'000, 300'000);
  options.election_timeout_max = options.election_timeout_min + random.between(50'000, 700'000);
  options.heartbeat_interval = options.election_timeout_min / random.between(3, 8);
}

void draw_limits(const Plan& plan, Random& random, Options& options) {
  options.snapshot_chunk_timeout = 700'000;
  if (!plan.has(kTinyLimits)) {
    return;
  }
  options.max_append_bytes = log_uniform(random, 1, 2000);
  options.max_inflight_appends = log_uniform(random, 1, 8);
  options.max_inflight_bytes = log_uniform(random, options.max_append_bytes, 8000);
  options.max_uncommitted_bytes = log_uniform(random, 200, 20'000);
  options.cache_bytes = log_uniform(random, 1, 2000);
  options.snapshot_chunk_bytes = log_uniform(random, 16, 1024);
  options.max_pending_reads = log_uniform(random, 1, 16);
}

void draw_network(const Plan& plan, Random& random, Knobs& knobs) {
  knobs.delay_min = log_uniform(random, 50, 1000);
  knobs.delay_max = knobs.delay_min + log_uniform(random, 1, 20'000);
  knobs.in_order = random.chance(1, 3);
  if (plan.has(kLossyNetwork)) {
    knobs.loss_permille = static_cast<unsigned>(log_uniform(random, 1, 300));
    knobs.duplicate_permille = static_cast<unsigned>(log_uniform(random, 1, 500));
    knobs.long_delay_permille = static_cast<unsigned>(log_uniform(random, 1, 100));
  }
  if (plan.has(kMisrouting)) {
    knobs.misroute_permille = 200;
  }
}

}  // namespace

Knobs draw_knobs(const Plan& plan) {
  Random random(plan.seed ^ 0x6b6e6f6273);
  Knobs knobs;
  draw_timeouts(random, knobs.options);
  draw_limits(plan, random, knobs.options);
  draw_network(plan, random, knobs);
  knobs.disk_min = log_uniform(random, 20, 300);
  knobs.disk_max = knobs.disk_min + log_uniform(random, 1, 30'000);
  if (plan.has(kCrashes)) {
    knobs.crash_on_save_permille = static_cast<unsigned>(random.chance(1, 2) ? 3 : 0);
  }
  if (plan.has(kLazyOwner)) {
    knobs.lazy_permille = static_cast<unsigned>(random.between(100, 700));
  }
  knobs.fault_interval = log_uniform(random, 20'000, 600'000);
  knobs.request_interval = log_uniform(random, 3'000, 50'000);
  knobs.burst_max = static_cast<unsigned>(log_uniform(random, 1, 12));
  knobs.payload_max = log_uniform(random, 1, 600);
  knobs.checkpoint_interval = log_uniform(random, 20'000, 500'000);
  knobs.snapshot_padding_max = log_uniform(random, 1, 4000);
  knobs.ghosts = random.chance(1, 2);
  return knobs;
}

std::uint64_t draw_clock_origin(Random& random) {
  constexpr std::uint64_t kWrap = std::uint64_t{1} << 32;
  const std::uint64_t before = random.below(10'000'000);
  switch (random.below(6)) {
    case 0:
      return 0;
    case 1:
      return before;
    case 2:
      return kWrap * 1000 - before;  // 32 bits of milliseconds
    case 3:
      return kWrap - before;  // 32 bits of microseconds
    case 4:
      return kWrap / 2 * 1000 - before;  // the same, signed
    default:
      return random.below(std::uint64_t{1} << 52);
  }
}

}  // namespace ticketd::raft::cluster
