#include "jepsen/shim/disk.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "jepsen/shim/undo_log.h"

namespace ticketd::jepsen::shim {

namespace {

constexpr int kFilesMax = 64, kDescriptorsMax = 65'536;
constexpr std::size_t kPathBytes = 1024, kNameBytes = 256;

struct File {
  int users = 0;  // 0: free
  ino_t inode = 0;
  int reader = -1;  // what it holds, even if the program only writes
  UndoLog log;
};

/// What a descriptor is: 0 nothing of ours, or kDirectory, or 1 + the file's place.
constexpr std::uint8_t kDirectory = 255;
constexpr std::uint8_t kPlace = 127, kDurableWrites = 128;

struct State {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  char shim[kPathBytes] = "";
  char data[kPathBytes] = "";
  Control* control = nullptr;
  UndoLog names;
  File files[kFilesMax];
  std::uint8_t descriptors[kDescriptorsMax] = {};
};

State& state() {
  static State* const only = [] {
    static State made;
    const char* const shim = std::getenv(kShimVariable);
    const char* const data = std::getenv(kDataVariable);
    if (shim == nullptr || data == nullptr) return &made;
    std::snprintf(made.shim, kPathBytes, "%s", shim);
    std::snprintf(made.data, kPathBytes, "%s", data);
    char path[kPathBytes + kNameBytes];
    std::snprintf(path, sizeof path, "%s/%s", shim, kControlFile);
    const long descriptor = ::syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void* const mapped =
        descriptor < 0 ? nullptr : map_shared(static_cast<int>(descriptor), sizeof(Control));
    if (mapped == nullptr) give_up("cannot map", path);
    ::syscall(SYS_close, descriptor);
    made.control = static_cast<Control*>(mapped);
    std::snprintf(path, sizeof path, "%s/%s", shim, kNamesLog);
    made.names.open(path);
    return &made;
  }();
  return *only;
}

/// While the process has one thread.
__attribute__((constructor)) void begin() { state(); }

class Lock {
 public:
  Lock() { ::pthread_mutex_lock(&state().mutex); }
  ~Lock() { ::pthread_mutex_unlock(&state().mutex); }
};

void sleep_us(std::uint64_t us) {
  timespec left = {static_cast<time_t>(us / 1'000'000), static_cast<long>(us % 1'000'000 * 1000)};
  while (::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &left, &left) != 0) {
  }
}

int refused(int error) {
  errno = error;
  return -1;
}

/// The name in the data directory that the path means; null when it means something else.
const char* name_in_data(const char* path) {
  const std::size_t size = std::strlen(state().data);
  if (size == 0 || std::strncmp(path, state().data, size) != 0 || path[size] != '/') return nullptr;
  path += size;
  while (*path == '/') ++path;
  return *path == '\0' || std::strchr(path, '/') != nullptr ||
                 std::strncmp(path, "lock.mdb", 9) == 0
             ? nullptr
             : path;
}

/// Where the descriptor leads, however it was named.
bool path_of(int descriptor, char (&path)[kPathBytes]) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const long size = ::syscall(SYS_readlink, link, path, sizeof path - 1);
  path[size < 0 ? 0 : size] = '\0';
  return size > 0;
}

File& file_of(int descriptor) {
  return state().files[(state().descriptors[descriptor] & kPlace) - 1];
}

/// The file's place, new or known. Under the lock.
int place_of(int descriptor, ino_t inode) {
  int free = -1;
  for (int place = 0; place < kFilesMax; ++place) {
    File& file = state().files[place];
    if (file.users > 0 && file.inode == inode) return place;
    if (file.users == 0 && free < 0) free = place;
  }
  if (free < 0) give_up("too many files are open", state().data);
  File& file = state().files[free];
  char path[kPathBytes + kNameBytes];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  file.inode = inode;
  file.reader = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
  if (file.reader < 0) give_up("cannot read", path);
  std::snprintf(path, sizeof path, "%s/%llu%s", state().shim,
                static_cast<unsigned long long>(inode), kUndoSuffix);
  file.log.open(path);
  return free;
}

/// Under the lock.
void watch(int descriptor, int flags, bool created) {
  char path[kPathBytes];
  struct stat status = {};
  if (!path_of(descriptor, path) || ::fstat(descriptor, &status) != 0) return;
  if (S_ISDIR(status.st_mode) && std::strcmp(path, state().data) == 0) {
    state().descriptors[descriptor] = kDirectory;
    return;
  }
  const char* const name = name_in_data(path);
  if (!S_ISREG(status.st_mode) || name == nullptr) return;
  const int place = place_of(descriptor, status.st_ino);
  File& file = state().files[place];
  ++file.users;
  const bool durable = (flags & (O_DSYNC | O_SYNC)) != 0;
  state().descriptors[descriptor] =
      static_cast<std::uint8_t>((place + 1) | (durable ? kDurableWrites : 0));
  if (!created) return;
  file.log.clear();  // of an earlier file with this inode
  const std::size_t size = std::strlen(name) + 1;
  char* const payload = state().names.reserve(size + 1);
  std::memcpy(payload, name, size);
  payload[size] = '\0';
  state().names.add(UndoKind::kCreated, status.st_ino, 0, 0, static_cast<std::uint32_t>(size + 1));
}

std::uint64_t size_of(int descriptor) {
  struct stat status = {};
  return ::fstat(descriptor, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// Notes what [from, to) holds, in whole sectors.
void note_content(File& file, std::uint64_t from, std::uint64_t to) {
  const std::uint64_t size = size_of(file.reader);
  from = from / kSectorBytes * kSectorBytes;
  to = (to + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
  // What is behind the end reads as zeros, and takes no room here.
  const std::uint64_t known = std::min(to, std::max(from, size)) - from;
  char* const payload = file.log.reserve(known);
  for (std::uint64_t done = 0; done < known;) {
    const long count =
        ::syscall(SYS_pread64, file.reader, payload + done, known - done, from + done);
    if (count <= 0) give_up("cannot read what a write would change", std::strerror(errno));
    done += static_cast<std::uint64_t>(count);
  }
  file.log.add(UndoKind::kWritten, from, to - from, size, static_cast<std::uint32_t>(known));
}

/// The name's record; a file that loses its (other) name is kept. Under the lock.
void note_name(UndoKind kind, ino_t inode, const char* name, const char* other) {
  const char* const lost = kind == UndoKind::kRenamed ? other : name;
  char from[kPathBytes + kNameBytes], to[kPathBytes + kNameBytes];
  std::snprintf(from, sizeof from, "%s/%s", state().data, lost);
  std::snprintf(to, sizeof to, "%s/%s%llu", state().shim, kRemovedPrefix,
                static_cast<unsigned long long>(state().names.next_sequence()));
  const bool kept = ::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0) == 0;
  const std::size_t size = std::strlen(name) + 1, other_size = std::strlen(other) + 1;
  char* const payload = state().names.reserve(size + other_size);
  std::memcpy(payload, name, size);
  std::memcpy(payload + size, other, other_size);
  state().names.add(kind, inode, kept ? 1 : 0, 0, static_cast<std::uint32_t>(size + other_size));
}

/// The files that were kept for records that are forgotten now.
void drop_kept(std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t sequence = from; sequence < to; ++sequence) {
    char path[kPathBytes + kNameBytes];
    std::snprintf(path, sizeof path, "%s/%s%llu", state().shim, kRemovedPrefix,
                  static_cast<unsigned long long>(sequence));
    ::syscall(SYS_unlink, path);
  }
}

int sync_names(int descriptor) {
  std::uint64_t before = 0;
  {
    const Lock lock;
    before = state().names.next_sequence();
  }
  if (::syscall(SYS_fsync, descriptor) != 0) return -1;
  const Lock lock;
  static std::uint64_t dropped = 0;
  state().names.synced_before(before);
  drop_kept(dropped, before);
  dropped = before;
  return 0;
}

}  // namespace

Control* control() { return state().control; }

int fault(Operations operations) {
  if (control() == nullptr) return 0;
  DiskControl& disk = control()->disk;
  if ((operations & disk.hung.load()) != 0) {
    constexpr std::uint64_t kBetweenLooksUs = 1000;
    disk.hanging.fetch_add(1);
    while ((operations & disk.hung.load()) != 0) sleep_us(kBetweenLooksUs);
    disk.hanging.fetch_sub(1);
  }
  if ((operations & kSync) != 0) sleep_us(disk.sync_delay_us.load());
  if ((disk.failing.load() & operations) == 0) return 0;
  if (disk.passes.fetch_sub(1) > 0) return 0;
  const std::int64_t left = disk.failures.load();
  if (left == 0 || (left > 0 && disk.failures.fetch_sub(1) <= 0)) return 0;
  disk.failed.fetch_add(1);
  return disk.error.load();
}

bool watched(int descriptor) {
  return descriptor >= 0 && descriptor < kDescriptorsMax && state().descriptors[descriptor] != 0;
}

int open_file(int directory, const char* path, int flags, mode_t mode) {
  const auto go_on = [&] {
    return static_cast<int>(::syscall(SYS_openat, directory, path, flags, mode));
  };
  const bool ours = control() != nullptr &&
                    (name_in_data(path) != nullptr || std::strcmp(path, state().data) == 0);
  if (!ours) return go_on();
  const bool creates =
      (flags & O_CREAT) != 0 && ::syscall(SYS_faccessat, directory, path, F_OK) != 0;
  if (const int error = fault(creates ? kGrow | kName : 0)) return refused(error);
  const Lock lock;
  // Truncated below, when it is watched.
  const int descriptor =
      static_cast<int>(::syscall(SYS_openat, directory, path, flags & ~O_TRUNC, mode));
  if (descriptor < 0) return descriptor;
  if (descriptor >= kDescriptorsMax) give_up("too many descriptors", path);
  watch(descriptor, flags, creates);
  if ((flags & O_TRUNC) != 0) {
    if (const std::uint64_t size = size_of(descriptor); watched(descriptor) && size > 0) {
      note_content(file_of(descriptor), 0, size);
    }
    ::syscall(SYS_ftruncate, descriptor, 0);
  }
  return descriptor;
}

int close_file(int descriptor) {
  if (watched(descriptor)) {
    const Lock lock;
    if (state().descriptors[descriptor] != kDirectory) {
      File& file = file_of(descriptor);
      if (--file.users == 0) {
        file.log.close();
        ::syscall(SYS_close, file.reader);
      }
    }
    state().descriptors[descriptor] = 0;
  }
  return static_cast<int>(::syscall(SYS_close, descriptor));
}

ssize_t write_file(int descriptor, const iovec* parts, int count, off_t offset) {
  std::uint64_t size = 0;
  for (int part = 0; part < count; ++part) size += parts[part].iov_len;
  const bool here = offset < 0;
  if (here) offset = ::syscall(SYS_lseek, descriptor, 0, SEEK_CUR);
  const std::uint64_t end_of_file = size_of(descriptor);
  if (here && (::fcntl(descriptor, F_GETFL) & O_APPEND) != 0) {
    offset = static_cast<off_t>(end_of_file);
  }
  const auto from = static_cast<std::uint64_t>(offset);
  const bool durable = (state().descriptors[descriptor] & kDurableWrites) != 0;
  const Operations operations =
      kWrite | (from + size > end_of_file ? kGrow : 0) | (durable ? kSync : 0);
  if (const int error = fault(operations)) return refused(error);
  const Lock lock;
  File& file = file_of(descriptor);
  note_content(file, from, from + size);
  const long done = here ? ::syscall(SYS_writev, descriptor, parts, count)
                         : ::syscall(SYS_pwritev, descriptor, parts, count, offset, 0);
  if (durable && done > 0) {
    const std::uint64_t first = from / kSectorBytes * kSectorBytes;
    const std::uint64_t last = from + static_cast<std::uint64_t>(done) + kSectorBytes - 1;
    file.log.add(UndoKind::kMadeDurable, first, last / kSectorBytes * kSectorBytes - first, 0, 0);
  }
  return done;
}

int truncate_file(int descriptor, off_t size) {
  const auto wanted = static_cast<std::uint64_t>(size);
  const std::uint64_t before = size_of(descriptor);
  if (const int error = fault(kWrite | (wanted > before ? kGrow : 0))) return refused(error);
  const Lock lock;
  note_content(file_of(descriptor), std::min(wanted, before), before);
  return static_cast<int>(::syscall(SYS_ftruncate, descriptor, size));
}

int sync_file(int descriptor) {
  const bool directory = state().descriptors[descriptor] == kDirectory;
  if (const int error = fault(kSync)) {
    const Lock lock;
    if (!directory) {
      UndoLog& log = file_of(descriptor).log;
      log.sync_failed_before(log.next_sequence());
    }
    return refused(error);
  }
  control()->disk.synced.fetch_add(1);
  if (directory) return sync_names(descriptor);
  std::uint64_t before = 0;
  {
    const Lock lock;
    before = file_of(descriptor).log.next_sequence();
  }
  if (::syscall(SYS_fdatasync, descriptor) != 0) return -1;
  const Lock lock;
  file_of(descriptor).log.synced_before(before);
  return 0;
}

int rename_file(const char* from, const char* to) {
  const char* const name = name_in_data(from);
  const char* const other = name_in_data(to);
  struct stat status = {};
  const bool known = name != nullptr && other != nullptr && ::stat(from, &status) == 0;
  if (control() == nullptr || !known) return static_cast<int>(::syscall(SYS_rename, from, to));
  if (const int error = fault(kName)) return refused(error);
  const Lock lock;
  note_name(UndoKind::kRenamed, status.st_ino, name, other);
  return static_cast<int>(::syscall(SYS_rename, from, to));
}

int remove_file(const char* path) {
  const char* const name = name_in_data(path);
  struct stat status = {};
  if (control() == nullptr || name == nullptr || ::stat(path, &status) != 0) {
    return static_cast<int>(::syscall(SYS_unlink, path));
  }
  if (const int error = fault(kName)) return refused(error);
  const Lock lock;
  note_name(UndoKind::kRemoved, status.st_ino, name, "");
  return static_cast<int>(::syscall(SYS_unlink, path));
}

int tell_space(const char* path, struct statvfs* told) {
  using Ask = int (*)(const char*, struct statvfs*);
  static const Ask ask = reinterpret_cast<Ask>(::dlsym(RTLD_NEXT, "statvfs"));
  if (ask == nullptr) give_up("there is no", "statvfs");
  const int result = ask(path, told);
  if (control() == nullptr) return result;
  const DiskControl& disk = control()->disk;
  if ((disk.failing.load() & kGrow) != 0 && disk.error.load() == ENOSPC) {
    told->f_bavail = told->f_bfree = 0;
  }
  return result;
}

}  // namespace ticketd::jepsen::shim
