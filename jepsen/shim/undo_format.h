// How the shim remembers what a power cut may undo: one log for each file, named after its inode,
// and one for the names in the data directory. A log is a header and records, each padded to 8
// bytes; the process may be killed at any point, and only the first `used` bytes count.
#pragma once

#include <atomic>
#include <cstdint>

namespace ticketd::jepsen::shim {

/// A write is torn between these, never inside.
inline constexpr std::uint64_t kSectorBytes = 512;

/// In the shim's directory: <inode>.undo, names.undo, and removed.<sequence> for a file whose name
/// was removed or taken over in that record.
inline constexpr const char* kUndoSuffix = ".undo";
inline constexpr const char* kNamesLog = "names.undo";
inline constexpr const char* kRemovedPrefix = "removed.";

struct UndoHeader {
  std::atomic<std::uint64_t> used;
  std::atomic<std::uint64_t> next_sequence;
  /// Not 0: there is a kSyncFailed, so that no sync settles everything.
  std::atomic<std::uint64_t> sync_failed;
};

enum class UndoKind : std::uint32_t {
  /// The sectors of [offset, offset + length) as they were, padded with zeros behind the payload;
  /// old_size the file's size.
  kWritten = 1,
  /// What stands there now is durable, and so is the size.
  kMadeDurable = 2,
  /// Everything before sequence `offset` is durable.
  kSynced = 3,
  /// A sync failed: the kernel forgot what stood before sequence `offset`, and no later sync makes
  /// it
  /// durable. Only writing it anew does.
  kSyncFailed = 7,
  /// Names: payload is the name, a zero, the other name, a zero. `offset` is the file's inode;
  /// `length` is 1 when the file that had the (other) name is kept as removed.<sequence>.
  kCreated = 4,
  kRemoved = 5,
  kRenamed = 6,
};

struct UndoRecord {
  UndoKind kind;
  std::uint32_t payload_bytes;
  std::uint64_t sequence;
  std::uint64_t offset;
  std::uint64_t length;
  std::uint64_t old_size;
};

inline std::uint64_t padded(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

}  // namespace ticketd::jepsen::shim
