#include "jepsen/shim/undo_log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ticketd::jepsen::shim {

namespace {

/// Of address space and of a sparse file; what is not synced yet must find room in it.
constexpr std::uint64_t kLogBytesMax = std::uint64_t{1} << 30;
/// From so many used bytes on, an empty log gives them back.
constexpr std::uint64_t kKeptBytes = 1 << 20;

char* bytes_of(UndoHeader* header) { return reinterpret_cast<char*>(header); }

}  // namespace

void* map_shared(int descriptor, std::uint64_t bytes) {
  const long address =
      ::syscall(SYS_mmap, nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return address == -1 ? nullptr : reinterpret_cast<void*>(address);
}

void give_up(const char* why, const char* what) {
  char text[512];
  const int size = std::snprintf(text, sizeof text, "ticketd-shim: %s: %s\n", why, what);
  static_cast<void>(::syscall(SYS_write, STDERR_FILENO, text, size));
  std::abort();
}

void UndoLog::open(const char* path) {
  descriptor_ =
      static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (descriptor_ < 0 || ::syscall(SYS_ftruncate, descriptor_, kLogBytesMax) != 0) {
    give_up("cannot make a log", path);
  }
  void* const mapped = map_shared(descriptor_, kLogBytesMax);
  if (mapped == nullptr) give_up("cannot map a log", path);
  header_ = static_cast<UndoHeader*>(mapped);
  if (header_->used.load() == 0) header_->used.store(sizeof(UndoHeader));
}

void UndoLog::close() {
  ::syscall(SYS_munmap, header_, kLogBytesMax);
  ::syscall(SYS_close, descriptor_);
  header_ = nullptr;
  descriptor_ = -1;
}

char* UndoLog::reserve(std::uint64_t payload_bytes) {
  const std::uint64_t at = header_->used.load();
  if (at + sizeof(UndoRecord) + padded(payload_bytes) > kLogBytesMax) {
    give_up("too much is not synced", "the log is full");
  }
  return bytes_of(header_) + at + sizeof(UndoRecord);
}

std::uint64_t UndoLog::add(UndoKind kind, std::uint64_t offset, std::uint64_t length,
                           std::uint64_t old_size, std::uint32_t payload_bytes) {
  const std::uint64_t sequence = header_->next_sequence.fetch_add(1);
  const UndoRecord record = {kind, payload_bytes, sequence, offset, length, old_size};
  std::memcpy(reserve(payload_bytes) - sizeof record, &record, sizeof record);
  // Published last: the process may be killed before.
  header_->used.fetch_add(sizeof record + padded(payload_bytes), std::memory_order_release);
  return sequence;
}

void UndoLog::synced_before(std::uint64_t sequence) {
  if (empty()) return;
  if (sequence == next_sequence() && header_->sync_failed.load() == 0) {
    clear();
  } else {
    add(UndoKind::kSynced, sequence, 0, 0, 0);
  }
}

void UndoLog::sync_failed_before(std::uint64_t sequence) {
  header_->sync_failed.store(1);
  add(UndoKind::kSyncFailed, sequence, 0, 0, 0);
}

void UndoLog::clear() {
  const bool large = header_->used.load() > kKeptBytes;
  header_->sync_failed.store(0);
  header_->used.store(sizeof(UndoHeader));
  if (!large) return;
  static_cast<void>(::syscall(SYS_fallocate, descriptor_,
                              FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, std::uint64_t{kKeptBytes},
                              kLogBytesMax - kKeptBytes));
}

}  // namespace ticketd::jepsen::shim
