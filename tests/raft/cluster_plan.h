// What one simulated run consists of. A Plan is small and shrinks well; the Knobs are everything
// else, drawn from its seed.
#pragma once

#include <cstdint>
#include <ostream>

#include "base/random.h"
#include "raft/node.h"

namespace ticketd::raft::cluster {

/// Classes of faults and of disturbing requests, each on or off for a run.
enum Class : unsigned {
  kCrashes = 1U << 0,
  kPartitions = 1U << 1,
  kPauses = 1U << 2,
  kHungDisks = 1U << 3,
  kLossyNetwork = 1U << 4,  // loss, duplication, long delays
  kMembership = 1U << 5,
  kWipes = 1U << 6,  // a disk is lost; its owner comes back as a new incarnation
  kTransfers = 1U << 7,
  kCompaction = 1U << 8,
  kMisrouting = 1U << 9,     // messages for another incarnation of the node
  kTinyLimits = 1U << 10,    // windows, caches and chunks of a few entries
  kWildClocks = 1U << 11,    // origins near overflows, rates that differ
  kLazyOwner = 1U << 12,     // takes its Ready only after several events
  kUnreachable = 1U << 13,   // the transport reports lost connections
  kBadSnapshots = 1U << 14,  // snapshot files that cannot be made, vanish, or are damaged
};
constexpr unsigned kAllClasses = (1U << 15) - 1;

/// Ways in which an owner breaks its contract, for putting the invariants on trial.
enum class Broken : std::uint8_t {
  kNothing,
  kForgetsVote,    // a crash loses the vote, not the term
  kDropsTail,      // a crash loses the last durable entry
  kConfirmsEarly,  // saves are confirmed before they are durable
  kForgesAppends,  // acknowledgements for what a follower does not hold
  kForgesVotes,    // votes that nobody gave
  kForgesState,    // a snapshot's state is not what its log entries make
};

struct Plan {
  std::uint64_t seed = 0;
  unsigned classes = kAllClasses;
  unsigned voters = 3;
  unsigned learners = 0;
  /// Length of the phase with faults, in virtual milliseconds.
  unsigned duration_ms = 5000;
  Broken broken = Broken::kNothing;
  /// Restored state is not compared with what was durable, only the consequences are noticed.
  bool trust_disks = false;

  bool has(Class c) const { return (classes & c) != 0; }
  friend std::ostream& operator<<(std::ostream& out, const Plan& plan);
};

/// Every class with probability one half, 1 to 7 voters, and so on.
Plan draw_plan(std::uint64_t seed);

struct Knobs {
  /// All but self and seed.
  Options options;
  Micros delay_min = 0, delay_max = 0;
  unsigned loss_permille = 0, duplicate_permille = 0, long_delay_permille = 0;
  bool in_order = false;
  unsigned misroute_permille = 0;
  Micros disk_min = 0, disk_max = 0;
  unsigned crash_on_save_permille = 0;
  unsigned lazy_permille = 0;
  Micros fault_interval = 0;
  Micros request_interval = 0;
  unsigned burst_max = 0;
  std::size_t payload_max = 0;
  Micros checkpoint_interval = 0;
  std::size_t snapshot_padding_max = 0;
  /// Removed members go on running.
  bool ghosts = false;
};

Knobs draw_knobs(const Plan& plan);

/// A number of [low, high], each order of magnitude as likely as any other.
std::uint64_t log_uniform(Random& random, std::uint64_t low, std::uint64_t high);

/// Where the monotonic clock of a life begins: small, anywhere, or a little before an overflow.
std::uint64_t draw_clock_origin(Random& random);

}  // namespace ticketd::raft::cluster
