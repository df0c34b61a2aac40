// The snapshot that is being received.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "raft/message.h"
#include "store/file.h"
#include "store/snapshot_format.h"

namespace ticketd::store {

/// On the reader thread. Nothing of it survives a restart: the receiver then holds 0 bytes and is
/// sent all of it again.
class Staging {
 public:
  struct Options {
    std::string path;
    /// A file is not received when the disk would have less left than this.
    std::uint64_t spare_bytes = 0;
  };

  explicit Staging(Options options) : options_(std::move(options)) {}

  /// Removes what an earlier run left.
  Status clean();

  /// Appends when it is the piece that is due. Offset 0 or another snapshot begins anew. Returns
  /// how many bytes of the chunk's snapshot are held: where the next piece is to begin.
  std::uint64_t stage(const raft::SnapshotChunk& chunk);

  /// Ends reception and verifies the whole file. Error: it is not a snapshot of that mark.
  Result<SnapshotHeader> finish(raft::SnapshotMark mark);

 private:
  bool begin(const raft::SnapshotChunk& chunk);

  const Options options_;
  std::optional<File> file_;
  raft::SnapshotMark mark_;
  std::uint64_t file_id_ = 0;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t held_ = 0;
};

}  // namespace ticketd::store
