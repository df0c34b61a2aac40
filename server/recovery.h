// Going on after most nodes lost what they had acknowledged: one of them founds a new cluster out
// of what it still has, and moves every sequence forward past what the others may have given.
// Sequences that only they knew of cannot be told from those that never were: all of these begin as
// far up.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "raft/configuration.h"
#include "raft/types.h"
#include "store/lmdb_disk.h"
#include "ticket/service.h"

namespace ticketd::server {

struct RecoveryPlan {
  store::Identity before;
  raft::Configuration members;
  /// Of the last entry in this node's log: how far it got, to be compared with other nodes.
  raft::Term last_term;
  raft::Index last_index;
  raft::Index commit_index;
  bool doubtful = false;
  std::uint64_t forward = 0;
  /// Every sequence with its last number, all entries of the log counted as committed.
  std::vector<ticket::Found> sequences;
  /// Where named ones that are not among them will begin. Those that were made after an earlier
  /// recovery began where that one had said, so this is further than that by `forward`.
  std::uint64_t beginning = 0;
  /// Of the state that these belong to.
  std::uint64_t stamp_us = 0;

  /// Where a sequence's last number moves. One that is too close to the last of all numbers moves
  /// there, and its sequence is used up: a number that it may have given is not given again.
  std::uint64_t moved(std::uint64_t last) const;
};

/// What recover() would do with the node on that disk, which it does not change. The error says why
/// it cannot: nobody's directory, or earlier recoveries moved so far that `forward` is too much.
Result<RecoveryPlan> plan_recovery(store::LmdbDisk& disk, std::uint64_t forward);

/// Durable when it returns; the disk is to be closed then. Nothing has changed on an error.
Status recover(store::LmdbDisk& disk, const RecoveryPlan& plan);

}  // namespace ticketd::server
