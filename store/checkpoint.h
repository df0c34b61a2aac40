// Moves what was journaled and applied into LMDB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/database.h"
#include "store/engine.h"
#include "store/schema.h"
#include "store/snapshot_format.h"

namespace ticketd::store {

/// On one thread. Throws DatabaseError; when that is_full(), nothing has changed.
class Checkpointer {
 public:
  struct Options {
    std::string path;
    std::uint64_t map_bytes = 0;
    std::uint64_t log_tail_bytes = 0;
  };

  Checkpointer(const Environment& environment, const Tables& tables, Options options);

  Landed store(const Batch& batch);
  /// Only compacts, below the tail that is kept otherwise: to make room in a full map.
  Landed relieve();
  /// Compacts what a checkpoint would, if there is anything above the tail; measures in any case.
  Landed compact_backlog();
  /// Removes a bounded part of the generation that is not current; true when nothing is left of it.
  bool clear_other_generation();
  /// Appends to the state of the next generation. Requires ascending keys above all before.
  void load(const Records& records);

  SpaceReport space();

 private:
  void compact(WriteTransaction& transaction, MetaRecord& record, raft::Index limit,
               std::uint64_t tail_bytes, std::uint64_t added_bytes);
  Landed commit(WriteTransaction& transaction, MetaRecord record, raft::Index compacted_before);

  const Environment& environment_;
  const Tables tables_;
  const Options options_;
  ReadTransaction reader_;
  /// What the file system had left when it last told.
  std::optional<std::uint64_t> available_bytes_;
};

/// Is it for want of space? LMDB also reports a write that a full disk cut short as EIO.
bool is_full(const DatabaseError& error, const std::string& path);

}  // namespace ticketd::store
