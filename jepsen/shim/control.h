// What the harness tells the preloaded shim of one process, in a file that both have mapped. All
// zeros is a machine without faults.
#pragma once

#include <atomic>
#include <cstdint>

namespace ticketd::jepsen::shim {

/// The shim's environment: a directory of its own, on the same file system as the data, and the
/// directory whose files it watches. Both absolute, without symbolic links.
inline constexpr const char* kShimVariable = "TICKETD_SHIM_DIRECTORY";
inline constexpr const char* kDataVariable = "TICKETD_SHIM_DATA";

/// In the shim's directory.
inline constexpr const char* kControlFile = "control";

/// What a call does, in bits.
using Operations = std::uint32_t;
inline constexpr Operations kRead = 1, kWrite = 2;
/// Asks for new space: a file is created, or written beyond its end.
inline constexpr Operations kGrow = 4;
inline constexpr Operations kSync = 8;
/// Creates, renames or removes a name.
inline constexpr Operations kName = 16;

/// One kind of failure at a time. The harness sets `failing` last and clears it first.
struct DiskControl {
  /// Operations that fail, of which `passes` more calls do well before, and then `failures` fail;
  /// a negative number: all of them.
  std::atomic<Operations> failing;
  std::atomic<std::int32_t> error;
  std::atomic<std::int64_t> passes;
  std::atomic<std::int64_t> failures;
  /// Calls that do any of this do not return.
  std::atomic<Operations> hung;
  /// How much longer each sync takes.
  std::atomic<std::uint32_t> sync_delay_us;

  /// Told by the shim: calls that failed, syncs that were done, calls that hang now.
  std::atomic<std::uint64_t> failed;
  std::atomic<std::uint64_t> synced;
  std::atomic<std::uint32_t> hanging;
};

/// A clock shows shown_ns + (true - true_ns) * rate_ppm / 1,000,000, rounded down to a multiple of
/// step_ns, and strobe_ns more or less in turns of strobe_period_ns. Rate 0: the true time.
struct ClockSetting {
  std::atomic<std::int64_t> true_ns;
  std::atomic<std::int64_t> shown_ns;
  std::atomic<std::int64_t> rate_ppm;
  std::atomic<std::int64_t> step_ns;
  std::atomic<std::int64_t> strobe_ns;
  std::atomic<std::int64_t> strobe_period_ns;
};

struct ClockControl {
  /// Odd while the harness writes; a reader tries again when it changed.
  std::atomic<std::uint32_t> version;
  ClockSetting real;
  /// Whatever is set, the shim never lets it go back in one process.
  ClockSetting monotonic;
};

struct Control {
  DiskControl disk;
  ClockControl clock;
};

/// What the clock shows at that true time.
inline std::int64_t shown_time_ns(const ClockSetting& setting, std::int64_t true_ns) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  const std::int64_t rate_ppm = setting.rate_ppm.load(kRelaxed);
  if (rate_ppm == 0) return true_ns;
  const std::int64_t since_ns = true_ns - setting.true_ns.load(kRelaxed);
  // In two parts, since the product may be too large.
  std::int64_t shown_ns = setting.shown_ns.load(kRelaxed) + since_ns / 1'000'000 * rate_ppm +
                          since_ns % 1'000'000 * rate_ppm / 1'000'000;
  if (const std::int64_t step_ns = setting.step_ns.load(kRelaxed); step_ns > 0) {
    shown_ns -= shown_ns % step_ns;
  }
  if (const std::int64_t period_ns = setting.strobe_period_ns.load(kRelaxed); period_ns > 0) {
    const bool ahead = true_ns / period_ns % 2 == 0;
    shown_ns += ahead ? setting.strobe_ns.load(kRelaxed) : -setting.strobe_ns.load(kRelaxed);
  }
  return shown_ns;
}

static_assert(std::atomic<std::int64_t>::is_always_lock_free);

}  // namespace ticketd::jepsen::shim
