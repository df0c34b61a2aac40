// What a disk asks of the files in which snapshots are sent and received.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "raft/ready.h"
#include "store/file.h"
#include "store/snapshot_format.h"

namespace ticketd::store {

class SnapshotFiles {
 public:
  using Answer = std::function<void(std::optional<raft::SnapshotChunk>)>;
  using Made = std::function<void(Status)>;
  virtual ~SnapshotFiles() = default;

  // --- On the reader: this node's ---------------------------------------------------------------
  /// Answers now, or when the file that is being made is done: then step() is due.
  virtual void fetch(const raft::FetchChunk& request, Answer answer) = 0;
  /// The same for a file that holds the state at an index or after it, which the database does.
  virtual void make(raft::Index at_least, Made made) = 0;
  virtual bool is_making() const = 0;
  /// Writes a bounded part of the file that is being made. Requires is_making().
  virtual void step() = 0;
  /// Files made so far.
  virtual std::uint64_t made() const = 0;
  /// The mark of the newest; (0, 0) without any.
  virtual raft::SnapshotMark newest() const = 0;

  // --- On the reader: the one that is being received --------------------------------------------
  /// Appends when it is the piece that is due. Offset 0 or another snapshot begins anew. Returns
  /// how many bytes of the chunk's snapshot are held: where the next piece is to begin.
  virtual std::uint64_t stage(const raft::SnapshotChunk& chunk) = 0;
  /// Ends reception and verifies the whole file. Error: it is not a snapshot of that mark.
  virtual Result<SnapshotHeader> finish(raft::SnapshotMark mark) = 0;

  // --- The one that was received and verified ---------------------------------------------------
  /// On the checkpointer.
  virtual Result<std::unique_ptr<BlockFile>> open_received() = 0;
  /// It is in force. On the loop.
  virtual void discard_received() = 0;
};

}  // namespace ticketd::store
