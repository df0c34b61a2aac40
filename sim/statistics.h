// What happened in a run, to see that runs reach what they are meant to test.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "raft/ready.h"
#include "sim/plan.h"

namespace ticketd::sim {

struct Statistics {
  std::uint64_t seeds = 0;
  /// Requests answered before healing; runs that ended that phase by their time, with fewer than
  /// they wanted; and those of them with fewer than every run should have.
  static constexpr std::uint64_t kOperationsLeast = 2'000;
  std::uint64_t operations_under_faults = 0, out_of_time = 0, too_few_operations = 0;
  /// Deliveries, disk completions, timers that fired, and requests.
  std::uint64_t deliveries = 0, completions = 0, timers = 0, requests = 0;
  Micros simulated = 0;
  std::uint64_t elections = 0, commits = 0, truncations = 0;
  std::uint64_t changes = 0, reads = 0, refused = 0, unknown = 0, replayed = 0, retries = 0,
                forwarded = 0, redirected = 0, given_up = 0, unheard = 0;
  /// Requests under a key that came before; and refused, since it came with another request, or
  /// since there is no room for more keys.
  std::uint64_t keys_again = 0, keys_reused = 0, keys_full = 0;
  std::uint64_t lost = 0, duplicated = 0, delayed = 0, damaged = 0, damage_found = 0, broken = 0,
                cut_off = 0, partitions = 0, clogs = 0;
  /// Connections that ended after what was sent on them, and frames that arrived so.
  std::uint64_t drained = 0, after_death = 0;
  /// Times that a partition came which comes and goes.
  std::uint64_t flaps = 0;
  std::uint64_t crashes = 0, crashes_in_writes = 0, stops = 0, starts = 0, pauses = 0, jumps = 0,
                slow_writes = 0, hangs = 0, io_errors = 0, full = 0, wipes = 0;
  /// Of the journal: halves left for the other one, saves that had to wait for a checkpoint or went
  /// around it; what crashes did to writes that were not synced; damage at rest.
  std::uint64_t journal_turns = 0, saves_held_up = 0, saves_too_large = 0, writes_kept = 0,
                writes_lost = 0, writes_torn = 0, rot = 0, rot_in_promises = 0, rot_found = 0;
  /// Below durability high; and those that took anything that had been promised.
  std::uint64_t power_cuts = 0, power_cuts_felt = 0;
  std::uint64_t compactions = 0, fetches = 0, snapshots_made = 0, snapshots_installed = 0,
                branches_replaced = 0, bad_snapshots = 0;
  std::uint64_t joins = 0, removals = 0, removed = 0, moves = 0, transfers = 0;
  /// Nodes that stayed in trouble after the others were healed, and requests that probed those.
  std::uint64_t troubled = 0, probes = 0;
  /// Microseconds from the healing to a leader: the sum over runs.
  std::uint64_t to_a_leader = 0;
  /// Nodes that still run at the end though they are no members: nobody they know could tell them.
  std::uint64_t in_the_dark = 0;
  /// What the nodes were that a fault struck: those that were up by their roles, and how many of
  /// them had a save under way, or a snapshot taking the place of their log.
  struct Struck {
    std::array<std::uint64_t, 4> by_role{};
    std::uint64_t down = 0, saving = 0, installing = 0;
    bool operator==(const Struck&) const = default;
  };
  std::array<Struck, kFaults> struck{};

  std::uint64_t events() const { return deliveries + completions + timers + requests; }
  std::uint64_t operations() const { return changes + reads; }
  Statistics& operator+=(const Statistics& other);
  /// Many lines. `processor`: seconds of processor time.
  std::string describe(double seconds, double processor) const;
};

}  // namespace ticketd::sim
