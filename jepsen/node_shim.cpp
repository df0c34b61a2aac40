#include "jepsen/node_shim.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/check.h"
#include "jepsen/descriptor.h"

namespace ticketd::jepsen {

namespace {

constexpr std::int64_t kRightRate = 1'000'000;

std::int64_t true_ns(clockid_t clock) {
  timespec now = {};
  ENSURE_EQ(::clock_gettime(clock, &now), 0);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

/// While it lives, the shim waits for new settings.
class Setting {
 public:
  explicit Setting(shim::ClockControl& clocks) : clocks_(clocks) { clocks_.version.fetch_add(1); }
  ~Setting() { clocks_.version.fetch_add(1); }

  /// From now on, beginning with what it shows now and `jump` more.
  static void go_on(shim::ClockSetting& clock, clockid_t id, std::int64_t jump_ns,
                    std::int64_t rate_ppm) {
    const std::int64_t now_ns = true_ns(id);
    const std::int64_t shown_ns = shim::shown_time_ns(clock, now_ns) + jump_ns;
    clock.true_ns.store(now_ns);
    clock.shown_ns.store(shown_ns);
    clock.rate_ppm.store(rate_ppm);
    clock.step_ns.store(0);
    clock.strobe_period_ns.store(0);
  }

 private:
  shim::ClockControl& clocks_;
};

}  // namespace

Result<std::unique_ptr<NodeShim>> NodeShim::create(std::filesystem::path library,
                                                   std::filesystem::path directory,
                                                   std::filesystem::path data) {
  std::error_code error;
  if (!std::filesystem::exists(library, error)) return Error{"there is no " + library.string()};
  std::filesystem::create_directories(directory, error);
  const std::filesystem::path path = directory / shim::kControlFile;
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file || ::ftruncate(file.get(), sizeof(shim::Control)) != 0) {
    return Error{"cannot make " + path.string() + ": " + std::strerror(errno)};
  }
  void* const mapped =
      ::mmap(nullptr, sizeof(shim::Control), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) {
    return Error{"cannot map " + path.string() + ": " + std::strerror(errno)};
  }
  return std::unique_ptr<NodeShim>(new NodeShim(std::move(library), std::move(directory),
                                                std::move(data),
                                                static_cast<shim::Control*>(mapped)));
}

NodeShim::NodeShim(std::filesystem::path library, std::filesystem::path directory,
                   std::filesystem::path data, shim::Control* control)
    : library_(std::move(library)),
      directory_(std::move(directory)),
      data_(std::move(data)),
      control_(control) {}

NodeShim::~NodeShim() {
  ::munmap(control_, sizeof(shim::Control));
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::vector<std::string> NodeShim::environment() const {
  std::vector<std::string> result = {"LD_PRELOAD=" + library_.string(),
                                     std::string(shim::kShimVariable) + "=" + directory_.string(),
                                     std::string(shim::kDataVariable) + "=" + data_.string()};
#ifdef __SANITIZE_ADDRESS__
  // The sanitizer wants to be the first library; the shim needs nothing that it provides.
  const char* const options = std::getenv("ASAN_OPTIONS");
  result.push_back("ASAN_OPTIONS=" + (options ? std::string(options) + ":" : std::string()) +
                   "verify_asan_link_order=0");
#endif
  return result;
}

void NodeShim::fail(shim::Operations operations, int error, std::uint64_t passes,
                    std::int64_t failures) {
  shim::DiskControl& disk = control_->disk;
  disk.failing.store(0);
  disk.error.store(error);
  disk.passes.store(static_cast<std::int64_t>(passes));
  disk.failures.store(failures);
  disk.failing.store(operations);
}

void NodeShim::slow_syncs(std::chrono::microseconds delay) {
  constexpr std::chrono::microseconds kMost = std::chrono::hours(1);
  control_->disk.sync_delay_us.store(static_cast<std::uint32_t>(std::min(delay, kMost).count()));
}

void NodeShim::hang(shim::Operations operations) { control_->disk.hung.store(operations); }

void NodeShim::jump_real(Nanoseconds offset) {
  const Setting setting(control_->clock);
  setting.go_on(control_->clock.real, CLOCK_REALTIME, offset.count(), kRightRate);
}

void NodeShim::strobe(Nanoseconds offset, Nanoseconds period) {
  ENSURE_GT(period.count(), 0);
  shim::ClockControl& clocks = control_->clock;
  const Setting setting(clocks);
  setting.go_on(clocks.real, CLOCK_REALTIME, 0, kRightRate);
  clocks.real.strobe_ns.store(offset.count());
  clocks.real.strobe_period_ns.store(period.count());
  setting.go_on(clocks.monotonic, CLOCK_MONOTONIC, 0, kRightRate);
  clocks.monotonic.step_ns.store(period.count());
}

void NodeShim::jump_monotonic(Nanoseconds forward) {
  ENSURE_GE(forward.count(), 0);
  const Setting setting(control_->clock);
  setting.go_on(control_->clock.monotonic, CLOCK_MONOTONIC, forward.count(), kRightRate);
}

void NodeShim::drift(std::int64_t rate_ppm) {
  ENSURE_GT(rate_ppm, 0);
  const Setting setting(control_->clock);
  setting.go_on(control_->clock.real, CLOCK_REALTIME, 0, rate_ppm);
  setting.go_on(control_->clock.monotonic, CLOCK_MONOTONIC, 0, rate_ppm);
}

void NodeShim::heal() {
  shim::DiskControl& disk = control_->disk;
  disk.failing.store(0);
  disk.sync_delay_us.store(0);
  disk.hung.store(0);
  const Setting setting(control_->clock);
  control_->clock.real.rate_ppm.store(0);
  setting.go_on(control_->clock.monotonic, CLOCK_MONOTONIC, 0, kRightRate);
}

Result<Lost> NodeShim::cut_power(Random& random) {
  return jepsen::cut_power(directory_, data_, random);
}

}  // namespace ticketd::jepsen
