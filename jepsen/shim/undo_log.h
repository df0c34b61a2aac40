// The writing side of undo_format.h. It allocates nothing, since it runs inside the calls of any
// program.
#pragma once

#include <cstdint>

#include "jepsen/shim/undo_format.h"

namespace ticketd::jepsen::shim {

/// Functions are for one thread at a time.
class UndoLog {
 public:
  /// Goes on with what the file holds. Aborts when it cannot be made.
  void open(const char* path);
  void close();

  std::uint64_t next_sequence() const { return header_->next_sequence.load(); }
  bool empty() const { return header_->used.load() == sizeof(UndoHeader); }

  /// Room for that many bytes of payload, in the file. Only add() makes it count. Aborts when the
  /// log is full.
  char* reserve(std::uint64_t payload_bytes);
  /// With what was written to reserve(); its sequence.
  std::uint64_t add(UndoKind kind, std::uint64_t offset, std::uint64_t length,
                    std::uint64_t old_size, std::uint32_t payload_bytes);

  /// Everything before that sequence is durable.
  void synced_before(std::uint64_t sequence);
  /// Nothing before that sequence becomes durable by a later sync.
  void sync_failed_before(std::uint64_t sequence);
  /// Forgets everything.
  void clear();

 private:
  int descriptor_ = -1;
  UndoHeader* header_ = nullptr;
};

/// Of the file's first bytes, for reading and writing; null when that fails. The shim's own calls
/// go to the kernel: those of the C library are its own functions.
void* map_shared(int descriptor, std::uint64_t bytes);

/// Prints what the shim cannot do to standard error, and aborts.
[[noreturn]] void give_up(const char* why, const char* what);

}  // namespace ticketd::jepsen::shim
