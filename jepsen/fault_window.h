// The faults of a run, each from its beginning to the first answer behind it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jepsen/history.h"

namespace ticketd::jepsen {

/// What the events of a fault called `kill` begin with but for `:kill` itself, which tells what was
/// hurt.
inline constexpr std::string_view kBeginFault = "begin-", kHealedFault = "healed-",
                                  kEndFault = "end-";

struct FaultWindow {
  std::string fault;
  /// What was hurt, in words.
  std::string what;
  std::int64_t begin_ns = 0;
  /// When a majority ran and all links were whole again; kNever when the history ends before.
  std::int64_t healed_ns = kNever;
  /// When every node was a voter again; kNever as above.
  std::int64_t end_ns = kNever;
  /// From healing to the first answer to a request that was sent after it; kNever when none of
  /// those was answered; nothing when there was no such request.
  std::optional<std::int64_t> recovery_ns;

  /// kNever stays it.
  std::int64_t length_ns() const { return healed_ns == kNever ? kNever : healed_ns - begin_ns; }
};

/// In the order of the history.
std::vector<FaultWindow> fault_windows(const History& history);

/// In milliseconds, in growing order; infinite when service never came back.
std::vector<double> recoveries_ms(const std::vector<FaultWindow>& windows);

/// The smallest of the sorted values that at least `share` of them do not exceed (nearest rank).
/// Requires values, and a share from 0 to 1.
double quantile(const std::vector<double>& sorted, double share);

/// Service must be back within two election time-outs at the 99th percentile. What is wrong, in
/// words; nothing when all is well.
std::optional<std::string> slow_recovery(const std::vector<FaultWindow>& windows,
                                         std::chrono::milliseconds election_timeout);

}  // namespace ticketd::jepsen
