// The preloaded clocks: what programs that ask the C library take for the time. Timers of the
// kernel run on; programs that ask again when one has fired see it fire early or late.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>

#include "jepsen/shim/disk.h"
#include "jepsen/shim/undo_log.h"

namespace shim = ticketd::jepsen::shim;

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

std::int64_t true_ns(clockid_t clock) {
  timespec now = {};
  ::syscall(SYS_clock_gettime, clock, &now);
  return now.tv_sec * kSecondNs + now.tv_nsec;
}

timespec as_timespec(std::int64_t ns) { return {ns / kSecondNs, ns % kSecondNs}; }

bool is_real(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

bool is_monotonic(clockid_t clock) {
  return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

/// Not before what any thread was told already.
std::int64_t never_back(std::int64_t shown_ns) {
  static std::atomic<std::int64_t> latest_ns{0};
  std::int64_t latest = latest_ns.load();
  while (latest < shown_ns && !latest_ns.compare_exchange_weak(latest, shown_ns)) {
  }
  return latest < shown_ns ? shown_ns : latest;
}

std::int64_t shown_ns(bool real) {
  shim::ClockControl& clocks = shim::control()->clock;
  const shim::ClockSetting& setting = real ? clocks.real : clocks.monotonic;
  while (true) {
    const std::uint32_t version = clocks.version.load();
    const std::int64_t now_ns = true_ns(real ? CLOCK_REALTIME : CLOCK_MONOTONIC);
    const std::int64_t shown = shim::shown_time_ns(setting, now_ns);
    if (version % 2 != 0 || clocks.version.load() != version) continue;
    return real ? shown : never_back(shown);
  }
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* told) noexcept {
  if (shim::control() == nullptr || !(is_real(clock) || is_monotonic(clock))) {
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, told));
  }
  *told = as_timespec(shown_ns(is_real(clock)));
  return 0;
}

int gettimeofday(timeval* told, void* zone) noexcept {
  if (shim::control() == nullptr) return static_cast<int>(::syscall(SYS_gettimeofday, told, zone));
  const std::int64_t now_ns = shown_ns(true);
  *told = {now_ns / kSecondNs, now_ns % kSecondNs / 1000};
  return 0;
}

time_t time(time_t* told) noexcept {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (told != nullptr) *told = now.tv_sec;
  return now.tv_sec;
}

/// The deadline is one of the clock that is shown; the kernel waits on its own.
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* deadline) {
  using Wait = int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*);
  static const Wait wait = reinterpret_cast<Wait>(::dlsym(RTLD_NEXT, "pthread_cond_clockwait"));
  if (wait == nullptr) shim::give_up("there is no", "pthread_cond_clockwait");
  if (shim::control() == nullptr) return wait(condition, mutex, clock, deadline);
  const std::int64_t deadline_ns = deadline->tv_sec * kSecondNs + deadline->tv_nsec;
  const std::int64_t left_ns = deadline_ns - shown_ns(is_real(clock));
  const timespec true_deadline = as_timespec(true_ns(clock) + left_ns);
  return wait(condition, mutex, clock, &true_deadline);
}

}  // extern "C"
