// What a disk asks of the database behind its journal: the seam behind which LMDB stands in the
// server, and a map with transactions in the simulator.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "store/batch.h"
#include "store/disk.h"
#include "store/meta_record.h"
#include "store/snapshot_format.h"
#include "store/state_view.h"

namespace ticketd::store {

/// A transaction was aborted for want of space: nothing has changed, it may be tried again.
class NoRoom : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a transaction left.
struct Landed {
  MetaRecord record;
  bool compacted = false;
  SpaceReport space;
  /// Bytes passed to the file system, pages and metas.
  std::uint64_t bytes_written = 0;
};

/// What the log looked like to a read transaction.
struct LogRead {
  raft::Index compacted;
  raft::Index last;
  raft::Entries entries;
};

/// Errors other than NoRoom end the process.
class Engine {
 public:
  virtual ~Engine() = default;

  // --- On the checkpointer: one transaction each, durable as a whole or not at all ---------------
  /// Each throws NoRoom.
  virtual Landed store(const Batch& batch) = 0;
  /// Only compacts, below the tail that is kept otherwise: to make room.
  virtual Landed relieve() = 0;
  /// Compacts what a checkpoint would, if there is anything above the tail; measures in any case.
  virtual Landed compact_backlog() = 0;
  /// Removes a bounded part of the generation that is not current; true when nothing is left of it.
  virtual bool clear_other_generation() = 0;
  /// Appends to the state of the next generation. Requires ascending keys above all before.
  virtual void load(const Records& records) = 0;
  virtual SpaceReport space() = 0;

  // --- Reading ----------------------------------------------------------------------------------
  /// On the reader. Entries [from, to], cut at max_bytes.
  virtual LogRead read_log(raft::Index from, raft::Index to, std::size_t max_bytes) = 0;
  /// On the warmer: has them in memory afterwards, as far as the database has them.
  virtual void page_in(const std::vector<std::string>& keys,
                       const std::optional<ticket::ListRange>& range, std::uint64_t generation) = 0;
  /// For the loop. The engine must outlive it.
  virtual std::unique_ptr<StateView> view(std::uint64_t generation) = 0;
};

}  // namespace ticketd::store
