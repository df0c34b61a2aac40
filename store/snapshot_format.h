// The bytes of a snapshot file. docs/storage.md describes them for readers of other languages.
//
//   header    mark, file id, summary, configuration; its hash
//   blocks    records in the order of their keys; each block has its hash
//   trailer   counts; a hash over everything
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "raft/message.h"
#include "store/disk.h"
#include "store/file.h"
#include "store/state_check.h"

namespace ticketd::store {

inline constexpr std::uint32_t kSnapshotVersion = 3;

struct SnapshotHeader {
  std::uint64_t file_id = 0;
  /// The log's chained hash at the snapshot's index.
  std::uint64_t chain = 0;
  AppliedState state;

  raft::SnapshotMark mark() const {
    return {state.summary.applied_index, state.summary.applied_term};
  }
};

using Records = std::vector<ticket::State::Record>;

/// Writes a file from its beginning.
class SnapshotWriter {
 public:
  /// `file` must be empty and outlive the writer.
  SnapshotWriter(BlockFile& file, const SnapshotHeader& header);

  /// Requires a key above all before.
  Status add(std::string_view key, std::string_view value);
  /// Writes the rest and the trailer. Nothing is synced.
  Status finish();
  std::uint64_t bytes() const { return offset_; }

 private:
  Status write_block();
  Status write(std::string_view bytes);

  BlockFile& file_;
  std::string pending_header_;
  std::string payload_;
  std::uint32_t payload_records_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t hash_ = 0;
  std::uint64_t offset_ = 0;
};

/// Reads a file, from anybody, in order. Every error names the file and what is wrong with it.
class SnapshotReader {
 public:
  /// `file` must outlive the reader.
  static Result<SnapshotReader> open(const BlockFile& file);

  const SnapshotHeader& header() const { return header_; }
  /// The records of the next block, keys ascending; empty when the end was reached and
  /// everything matched: counts, digest and the hash over the file.
  Result<Records> next();
  /// Is there a trailer that matches this header? Cheap.
  Status check_trailer() const;

 private:
  explicit SnapshotReader(const BlockFile& file) : file_(&file) {}
  Error bad(const std::string& what) const;
  Result<Records> read_block(std::uint32_t payload_bytes, std::uint32_t records,
                             std::uint64_t hash);
  Status check_end() const;

  const BlockFile* file_;
  SnapshotHeader header_;
  std::uint64_t offset_ = 0;
  std::uint64_t hash_ = 0;
  std::uint64_t blocks_ = 0;
  StateCheck check_;
  std::string last_key_;
};

}  // namespace ticketd::store
