// What one simulated run consists of. A Plan is small, is said in full on the command line, and
// shrinks well; the Knobs are everything else, drawn from its seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/durability.h"
#include "base/random.h"
#include "raft/node.h"

namespace ticketd::sim {

using raft::Micros;

/// Classes of faults and of disturbing requests, each on or off for a run.
enum class Fault : unsigned {
  kLoss,        // messages are lost
  kDuplicates,  // messages come twice, the second time much later
  kReorder,     // delays differ from message to message, beyond the lane's order
  kDelay,       // some messages take very long
  kClogs,       // a link delivers nothing for a while, then all at once
  kPartitions,  // in many shapes, one-way ones too
  kDamage,      // bits flip on the way; the checksum must find them
  kBreaks,      // connections break
  kCrashes,     // what was not synced is lost; writes in flight are there or not
  kStops,       // nodes are stopped in good order and started again
  kPauses,      // a process does nothing, while its disk goes on
  kSlowDisk,    // writes take long
  kHungDisk,    // writes do not end for a while
  kIoErrors,    // the disk fails, and with it the node
  kFullDisk,    // space is low, then there is none
  kWipes,       // a disk is lost; its owner comes back by join --replace
  kClocks,      // origins near overflows, rates that differ, jumps
  kMembership,  // joins, removals, changed addresses
  kTransfers,   // leadership is handed over
  kTinyLimits,  // windows, caches and chunks of a few entries
  kCompaction,  // short logs, so that snapshots are needed
  kBadFiles,    // snapshot files that vanish or are damaged
  kColdState,   // records that have to be read off the loop first
  kSlowLoop,    // turns come late, after several events
  kGiveUps,     // clients do not wait for their answers
  kBitRot,      // bits flip in the journal of a stopped node; it is refused, or it does not matter
  kPowerCuts,   // nodes run at durability medium or low, and the power cut takes what was not flushed
  kUsurpers,    // each new leader is cut off as it comes, and its predecessor is back
  kCount
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::kCount);

const char* to_string(Fault fault);
std::optional<Fault> fault_named(std::string_view name);

/// Which faults are on.
class FaultSet {
 public:
  constexpr FaultSet() = default;
  static constexpr FaultSet all() { return FaultSet((std::uint64_t{1} << kFaults) - 1); }
  static constexpr FaultSet of(std::uint64_t bits) { return FaultSet(bits & all().bits_); }

  constexpr bool has(Fault fault) const { return (bits_ & bit(fault)) != 0; }
  constexpr void set(Fault fault, bool on) { bits_ = on ? bits_ | bit(fault) : bits_ & ~bit(fault); }
  constexpr bool empty() const { return bits_ == 0; }
  std::string names() const;  // comma-separated; "none"

 private:
  constexpr explicit FaultSet(std::uint64_t bits) : bits_(bits) {}
  static constexpr std::uint64_t bit(Fault fault) {
    return std::uint64_t{1} << static_cast<unsigned>(fault);
  }
  std::uint64_t bits_ = 0;
};

struct Plan {
  std::uint64_t seed = 0;
  FaultSet faults;
  unsigned voters = 3;
  unsigned learners = 0;
  unsigned clients = 4;
  unsigned sequences = 4;
  /// The phase with faults ends when clients have got so many answers, or after so long.
  std::uint64_t operations = 2'000;
  std::uint64_t time_ms = 3'600'000;
  /// No faults at all, fixed delays, one client that asks now and then: for measuring.
  bool calm = false;
};

/// What was given on the command line instead of being drawn.
struct Overrides {
  std::optional<FaultSet> faults;
  FaultSet without;
  std::optional<unsigned> voters, learners, clients, sequences;
  std::optional<std::uint64_t> operations, time_ms;
  bool calm = false;
};

/// Every class with probability one half, 1 to 7 voters, and so on.
Plan draw_plan(std::uint64_t seed, const Overrides& overrides = {});
/// The command line that gives this plan again.
std::string command_line(const Plan& plan);

/// Strengths. Permille are of messages, writes or requests, unless they say otherwise; spans in microseconds.
struct Knobs {
  /// All but self and seed.
  raft::Options raft;
  Micros request_timeout = 5'000'000;
  std::uint64_t key_age_us = 3'600'000'000;
  std::uint64_t keys_max = 1'000'000;

  Micros delay_min = 100, delay_max = 100;
  unsigned loss_permille = 0, duplicate_permille = 0, long_delay_permille = 0;
  unsigned damage_permille = 0, break_permille = 0;
  bool ordered = true;
  /// Of the connections of a process that died: what it had sent still arrives.
  unsigned drain_permille = 0;

  Micros write_min = 200, write_max = 200;
  unsigned slow_write_permille = 0;
  Micros slow_write_max = 0;
  Micros checkpoint_interval = 100'000;
  /// Entries left in the log by a checkpoint.
  std::uint64_t log_tail = 100'000;
  unsigned bad_file_permille = 0;
  /// Of the cache of records: what is not in it has to be read off the loop first.
  std::size_t cache_bytes = 32 << 20;
  unsigned crash_on_write_permille = 0;
  /// Of all nodes. Below high a crash is either that of the process or a power cut.
  Durability durability = Durability::kHigh;
  /// Of the journal: a half, and what makes a checkpoint due.
  std::uint64_t half_bytes = 256 << 10;
  std::uint64_t checkpoint_bytes = 64 << 10;
  /// A checkpoint takes as long as so many writes.
  unsigned checkpoint_writes = 2;

  Micros turn_delay_max = 0;
  Micros fault_interval = 0;
  Micros operator_interval = 0;

  Micros think_max = 0;
  unsigned give_up_permille = 0;
  unsigned keyed_permille = 0;
  /// Requests under a key that came before, of anybody, with the same request or another one.
  unsigned key_reuse_permille = 0;
  /// What was changed is looked up at once.
  unsigned read_back_permille = 0;
  /// Nodes let sequences be removed.
  bool allow_delete = false;
  unsigned read_permille = 0;
  std::uint64_t count_max = 1;
  /// Takes of a count that nobody else asks for, so that nobody else's answer can be theirs.
  unsigned distinct_permille = 0;
  /// A single node founds the cluster, and the others join it.
  bool grows = false;
  /// The first two nodes have the least and the greatest id there is; none: that is drawn.
  std::optional<bool> odd_ids;
  /// What monotonic clocks show when a node starts, unless that is drawn.
  Micros clock_origin = 1'000'000;
  /// So long a dialer waits to be welcomed; half of it between two attempts. None: as in the server,
  /// by the election time-out.
  std::optional<Micros> dial_patience;
  /// A node that crashes by a fault is started again after a while.
  bool revives = true;
};

Knobs draw_knobs(const Plan& plan);

/// A number of [low, high], each order of magnitude as likely as any other.
std::uint64_t log_uniform(Random& random, std::uint64_t low, std::uint64_t high);

/// One stream for each purpose, so that a decision more in one does not change the others.
Random stream(std::uint64_t seed, std::string_view purpose);

}  // namespace ticketd::sim
