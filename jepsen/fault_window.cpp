#include "jepsen/fault_window.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

constexpr int kElectionTimeouts = 2;

std::optional<std::int64_t> recovery_from(const History& history, std::int64_t healed_ns) {
  // Operations stand in the order of their invocation.
  const auto after =
      std::ranges::lower_bound(history.operations, healed_ns, {}, &Operation::invoked_ns);
  if (after == history.operations.end()) return std::nullopt;
  std::int64_t first_ns = kNever;
  for (auto at = after; at != history.operations.end() && at->invoked_ns < first_ns; ++at) {
    if (at->outcome == Outcome::kOk) first_ns = std::min(first_ns, at->returned_ns);
  }
  return first_ns == kNever ? kNever : first_ns - healed_ns;
}

const FaultWindow* slowest(const std::vector<FaultWindow>& windows) {
  const FaultWindow* found = nullptr;
  for (const FaultWindow& window : windows) {
    if (window.recovery_ns && (!found || *window.recovery_ns > *found->recovery_ns)) {
      found = &window;
    }
  }
  return found;
}

}  // namespace

std::vector<FaultWindow> fault_windows(const History& history) {
  std::vector<FaultWindow> windows;
  for (const FaultEvent& event : history.faults) {
    const std::string_view name = event.fault;
    if (name.starts_with(kBeginFault)) {
      FaultWindow window;
      window.fault = name.substr(kBeginFault.size());
      window.begin_ns = event.time_ns;
      windows.push_back(std::move(window));
      continue;
    }
    if (windows.empty()) continue;
    FaultWindow& window = windows.back();
    if (name == window.fault) window.what = event.value;
    if (name.starts_with(kEndFault)) window.end_ns = event.time_ns;
    if (name.starts_with(kHealedFault)) {
      window.healed_ns = event.time_ns;
      window.recovery_ns = recovery_from(history, event.time_ns);
    }
  }
  return windows;
}

std::vector<double> recoveries_ms(const std::vector<FaultWindow>& windows) {
  std::vector<double> result;
  for (const FaultWindow& window : windows) {
    if (!window.recovery_ns) continue;
    result.push_back(*window.recovery_ns == kNever
                         ? std::numeric_limits<double>::infinity()
                         : static_cast<double>(*window.recovery_ns) / 1e6);
  }
  std::ranges::sort(result);
  return result;
}

double quantile(const std::vector<double>& sorted, double share) {
  ENSURE(!sorted.empty());
  ENSURE(share >= 0 && share <= 1);
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

std::optional<std::string> slow_recovery(const std::vector<FaultWindow>& windows,
                                         std::chrono::milliseconds election_timeout) {
  const auto recoveries = recoveries_ms(windows);
  if (recoveries.empty()) return std::nullopt;
  const double p99_ms = quantile(recoveries, 0.99);
  const auto allowed_ms = static_cast<double>((kElectionTimeouts * election_timeout).count());
  if (p99_ms <= allowed_ms) return std::nullopt;
  const FaultWindow& worst = *slowest(windows);
  char text[200];
  if (std::isinf(p99_ms)) {
    std::snprintf(text, sizeof text, "service never came back");
  } else {
    std::snprintf(text, sizeof text, "service came back %.0f ms after healing (p99 of %zu)", p99_ms,
                  recoveries.size());
  }
  std::string result = text;
  std::snprintf(text, sizeof text,
                "; %.0f ms, two election time-outs, are allowed; the slowest: ", allowed_ms);
  result += text + worst.fault + " of " + worst.what + " at ";
  std::snprintf(text, sizeof text, "%.3f s", static_cast<double>(worst.begin_ns) / 1e9);
  return result + text;
}

}  // namespace ticketd::jepsen
