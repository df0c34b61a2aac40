// Counts a process's allocations, for bench/cost: preloaded, it stands in front of the C library's
// malloc and its sisters, which operator new calls too. The count is kept in the file that
// TICKETD_ALLOCATIONS names, as eight bytes, so that it can be read while the process runs.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

// The C library's own, behind the names that are taken here.
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);
extern "C" void* __libc_realloc(void* old, std::size_t size);
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t size);

namespace {

using Count = std::atomic<std::uint64_t>;
static_assert(sizeof(Count) == 8 && Count::is_always_lock_free);

/// What came before the file was there; then never looked at again.
constinit Count before_file{0};
constinit std::atomic<Count*> count{&before_file};

void count_one() { count.load(std::memory_order_relaxed)->fetch_add(1, std::memory_order_relaxed); }

[[gnu::constructor]] void begin() {
  const char* path = std::getenv("TICKETD_ALLOCATIONS");
  const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, sizeof(Count)) != 0) {
    return;
  }
  void* mapped = ::mmap(nullptr, sizeof(Count), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (mapped != MAP_FAILED) {
    count.store(static_cast<Count*>(mapped));
  }
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  count_one();
  return __libc_malloc(size);
}

void* calloc(std::size_t number, std::size_t size) {
  count_one();
  return __libc_calloc(number, size);
}

void* realloc(void* old, std::size_t size) {
  count_one();
  return __libc_realloc(old, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count_one();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
  count_one();
  *result = __libc_memalign(alignment, size);
  return *result == nullptr ? ENOMEM : 0;
}

}  // extern "C"
