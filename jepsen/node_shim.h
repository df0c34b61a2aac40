// The shim of one node, from the harness's side: what its disk and its clocks shall do.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "jepsen/power_cut.h"
#include "jepsen/shim/control.h"

namespace ticketd::jepsen {

/// One thread at a time. What is set holds at once, and for processes to come.
class NodeShim {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  /// `library` is libticketd-shim.so. Makes `directory`, and removes it in the end. `data` is what
  /// a process that has environment() keeps its files in; all paths are absolute.
  static Result<std::unique_ptr<NodeShim>> create(std::filesystem::path library,
                                                  std::filesystem::path directory,
                                                  std::filesystem::path data);
  ~NodeShim();
  NodeShim(const NodeShim&) = delete;
  NodeShim& operator=(const NodeShim&) = delete;

  /// NAME=VALUE, for the process.
  std::vector<std::string> environment() const;

  /// After `passes` more of these calls the next `failures` fail with that errno, or all of them
  /// when it is negative.
  void fail(shim::Operations operations, int error, std::uint64_t passes = 0,
            std::int64_t failures = -1);
  /// Calls that failed so far.
  std::uint64_t failed() const { return control_->disk.failed.load(); }
  std::uint64_t synced() const { return control_->disk.synced.load(); }
  /// Each sync takes longer by that; at most an hour.
  void slow_syncs(std::chrono::microseconds delay);
  /// These calls wait until heal().
  void hang(shim::Operations operations = ~shim::kRead);
  std::uint32_t hanging() const { return control_->disk.hanging.load(); }

  /// CLOCK_REALTIME is off by so much.
  void jump_real(Nanoseconds offset);
  /// CLOCK_REALTIME is ahead and behind by so much in turns, each `period` long; CLOCK_MONOTONIC
  /// stands still for a period, then makes up for it.
  void strobe(Nanoseconds offset, Nanoseconds period);
  /// CLOCK_MONOTONIC is so much farther than it was.
  void jump_monotonic(Nanoseconds forward);
  /// Both run so fast from now on, 1,000,000 being right. At least 1.
  void drift(std::int64_t rate_ppm);

  /// The disk works, and hangs no more; CLOCK_REALTIME is right; CLOCK_MONOTONIC goes on from where
  /// it is at the right rate.
  void heal();

  /// Requires that no process uses the data.
  Result<Lost> cut_power(Random& random);
  /// When the data was destroyed. Requires the same.
  void forget() { forget_unsynced(directory_); }

 private:
  NodeShim(std::filesystem::path library, std::filesystem::path directory,
           std::filesystem::path data, shim::Control* control);

  std::filesystem::path library_, directory_, data_;
  shim::Control* control_;
};

}  // namespace ticketd::jepsen
