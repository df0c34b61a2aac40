// The calls that the shim takes the place of, as the C library names them. On 64-bit machines those
// with 64 behind their names are the same.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "jepsen/shim/disk.h"
#include "jepsen/shim/undo_log.h"

static_assert(sizeof(off_t) == 8);

namespace shim = ticketd::jepsen::shim;

namespace {

constexpr off_t kHere = -1;

bool takes_mode(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

ssize_t write_one(int descriptor, const void* bytes, std::size_t size, off_t offset) {
  const iovec part = {const_cast<void*>(bytes), size};
  return shim::write_file(descriptor, &part, 1, offset);
}

/// What the shim cannot follow ends the program: a power cut would be judged by half of what it
/// did.
void refuse_watched(int descriptor, const char* call) {
  if (shim::watched(descriptor)) shim::give_up("the shim cannot follow", call);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if (takes_mode(flags)) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return shim::open_file(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  mode_t mode = 0;
  if (takes_mode(flags)) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return shim::open_file(directory, path, flags, mode);
}

int creat(const char* path, mode_t mode) {
  return shim::open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int close(int descriptor) { return shim::close_file(descriptor); }

ssize_t pread(int descriptor, void* bytes, std::size_t size, off_t offset) {
  if (shim::watched(descriptor)) {
    if (const int error = shim::fault(shim::kRead); error != 0) {
      errno = error;
      return -1;
    }
  }
  return ::syscall(SYS_pread64, descriptor, bytes, size, offset);
}

ssize_t write(int descriptor, const void* bytes, std::size_t size) {
  if (shim::watched(descriptor)) return write_one(descriptor, bytes, size, kHere);
  return ::syscall(SYS_write, descriptor, bytes, size);
}

ssize_t pwrite(int descriptor, const void* bytes, std::size_t size, off_t offset) {
  if (shim::watched(descriptor)) return write_one(descriptor, bytes, size, offset);
  return ::syscall(SYS_pwrite64, descriptor, bytes, size, offset);
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  if (shim::watched(descriptor)) return shim::write_file(descriptor, parts, count, kHere);
  return ::syscall(SYS_writev, descriptor, parts, count);
}

ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t offset) {
  if (shim::watched(descriptor)) return shim::write_file(descriptor, parts, count, offset);
  return ::syscall(SYS_pwritev, descriptor, parts, count, offset, 0);
}

int ftruncate(int descriptor, off_t size) noexcept {
  if (shim::watched(descriptor)) return shim::truncate_file(descriptor, size);
  return static_cast<int>(::syscall(SYS_ftruncate, descriptor, size));
}

int fsync(int descriptor) {
  if (shim::watched(descriptor)) return shim::sync_file(descriptor);
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

int fdatasync(int descriptor) {
  if (shim::watched(descriptor)) return shim::sync_file(descriptor);
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}

int rename(const char* from, const char* to) noexcept { return shim::rename_file(from, to); }

int unlink(const char* path) noexcept { return shim::remove_file(path); }

int statvfs(const char* path, struct statvfs* told) noexcept {
  return shim::tell_space(path, told);
}

int fallocate(int descriptor, int mode, off_t offset, off_t size) {
  refuse_watched(descriptor, "fallocate");
  return static_cast<int>(::syscall(SYS_fallocate, descriptor, mode, offset, size));
}

int posix_fallocate(int descriptor, off_t offset, off_t size) {
  refuse_watched(descriptor, "posix_fallocate");
  return ::syscall(SYS_fallocate, descriptor, 0, offset, size) == 0 ? 0 : errno;
}

/// Makes nothing durable that the kernel promises; a power cut may take all of it.
int sync_file_range(int descriptor, off_t offset, off_t size, unsigned flags) {
  return static_cast<int>(::syscall(SYS_sync_file_range, descriptor, offset, size, flags));
}

void* mmap(void* address, std::size_t size, int protection, int flags, int descriptor,
           off_t offset) noexcept {
  const bool writes = (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0;
  if (writes && descriptor >= 0) refuse_watched(descriptor, "a mapping that can be written");
  return reinterpret_cast<void*>(
      ::syscall(SYS_mmap, address, size, protection, flags, descriptor, offset));
}

int open64(const char*, int, ...) __attribute__((alias("open")));
int openat64(int, const char*, int, ...) __attribute__((alias("openat")));
int creat64(const char*, mode_t) __attribute__((alias("creat")));
ssize_t pread64(int, void*, std::size_t, off_t) __attribute__((alias("pread")));
ssize_t pwrite64(int, const void*, std::size_t, off_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const iovec*, int, off_t) __attribute__((alias("pwritev")));
int ftruncate64(int, off_t) noexcept __attribute__((alias("ftruncate")));
int fallocate64(int, int, off_t, off_t) __attribute__((alias("fallocate")));
int posix_fallocate64(int, off_t, off_t) __attribute__((alias("posix_fallocate")));
void* mmap64(void*, std::size_t, int, int, int, off_t) noexcept __attribute__((alias("mmap")));

int statvfs64(const char* path, struct statvfs64* told) noexcept {
  return shim::tell_space(path, reinterpret_cast<struct statvfs*>(told));
}

}  // extern "C"
