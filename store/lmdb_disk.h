// The disk of a real node: a journal in front of LMDB, in one directory.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "store/directory.h"
#include "store/disk.h"
#include "store/executor.h"
#include "store/file.h"

namespace ticketd::store {

struct DiskOptions {
  std::string path;
  /// Size of the memory map, fixed while open: the most that log and state can take.
  std::uint64_t map_bytes = 1000ull << 20;
  /// Bytes of applied log kept for followers that are behind; 0: an eighth of the map.
  std::uint64_t log_tail_bytes = 0;
  /// A checkpoint is taken when so much was journaled, or so long after the first record.
  std::uint64_t checkpoint_bytes = 4 << 20;
  std::uint64_t checkpoint_interval_us = 100'000;
  Durability durability = Durability::kHigh;
  /// Another one whenever the machine was started anew; empty: not known, and then each end without
  /// close() counts as a power cut.
  std::string boot_id = running_boot();
};

class LmdbDisk : public Disk {
 public:
  /// Runs a function on the event loop's thread; may be called from any thread.
  using Post = std::function<void(std::function<void()>)>;
  using MakeWriter = std::function<std::unique_ptr<Executor>()>;

  /// Takes the directory that `lock` holds; creates what is missing, replays the journal, verifies
  /// everything once. The error names what is damaged or why it is refused (newer schema, ...).
  /// `make_writer` makes what writes and flushes the journal; empty: a thread does. It is called
  /// when all is verified, for a process of its own verifies, and is best forked off while there
  /// are no other threads.
  static Result<std::unique_ptr<LmdbDisk>> open(DirectoryLock lock, DiskOptions options, Post post,
                                                const MakeWriter& make_writer = nullptr);

  virtual const Opened& opened() const = 0;

  /// Durable when it returns; blocks. Only before the first save().
  virtual Status set_identity(const Identity& identity) = 0;
  /// Makes a new directory the first member of a new cluster: identity, and a log of one entry
  /// (index 1, term 1) with that configuration. Durable when it returns; opened() tells it
  /// afterwards.
  virtual Status bootstrap(const Identity& identity, const raft::Configuration& configuration) = 0;

  /// Both for a doubtful directory. Durable when they return; they block. Only before the first
  /// save().
  virtual Status set_readmission(const Identity& identity) = 0;
  /// Gives up log, state, term and vote at once, and the doubt: what is left is `identity`. The
  /// disk is to be closed and opened again.
  virtual Status begin_anew(const Identity& identity) = 0;
  /// Puts entries behind the log's end, with that term and commit index, and ends any doubt: what
  /// an operator decided stands in for a majority. Durable when it returns; it blocks. The disk is
  /// to be closed then.
  virtual Status append_recovery(const Identity& identity, const raft::HardState& hard_state,
                                 const raft::Entries& entries) = 0;
};

}  // namespace ticketd::store
