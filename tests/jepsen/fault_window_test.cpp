// Faults with their ends, and how soon service is back behind them.
#include "jepsen/fault_window.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/jepsen/histories.h"

namespace ticketd::jepsen {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kMillisecond = 1'000'000;

History with_fault(History history, const std::string& name, std::int64_t begin_ms,
                   std::int64_t healed_ms) {
  for (const auto& [prefix, ms] : {std::pair<std::string, std::int64_t>{"begin-", begin_ms},
                                   {"", begin_ms},
                                   {"healed-", healed_ms},
                                   {"end-", healed_ms}}) {
    history.faults.push_back({ms * kMillisecond, prefix + name, prefix.empty() ? "node 1" : ""});
  }
  return history;
}

TEST_CASE("recovery is from healing to the first answer to what was asked after it") {
  Histories histories;
  histories.took(0, 1'000'000, 0).took(9'000'000, 12'000'000, 1);  // asked before the healing
  histories.failed(10'500'000, 10'600'000);
  histories.took(11'000'000, 25'000'000, 2).took(12'000'000, 14'000'000, 3);
  History history = with_fault(histories.history(), "kill", 5, 10);
  history = with_fault(std::move(history), "pause", 20, 30);  // nothing was asked after it
  const auto windows = fault_windows(history);
  REQUIRE(windows.size() == 2);
  CHECK(windows[0].fault == "kill");
  CHECK(windows[0].what == "node 1");
  CHECK(windows[0].length_ns() == 5 * kMillisecond);
  CHECK(windows[0].recovery_ns == 4 * kMillisecond);
  CHECK(windows[1].end_ns == 30 * kMillisecond);
  CHECK_FALSE(windows[1].recovery_ns.has_value());
  CHECK(recoveries_ms(windows) == std::vector<double>{4.0});
}

TEST_CASE("a fault that the history ends in has no length and no recovery") {
  Histories histories;
  histories.took(0, 1'000'000, 0);
  History history = histories.history();
  history.faults = {{5, "begin-kill", ""}, {6, "kill", "node 2"}};
  const auto windows = fault_windows(history);
  REQUIRE(windows.size() == 1);
  CHECK(windows[0].length_ns() == kNever);
  CHECK(windows[0].what == "node 2");
  CHECK(recoveries_ms(windows).empty());
}

TEST_CASE("a quantile is the smallest value that so many do not exceed") {
  std::vector<double> hundred(100);
  for (std::size_t at = 0; at < hundred.size(); ++at) hundred[at] = static_cast<double>(at + 1);
  CHECK(quantile(hundred, 0) == 1);
  CHECK(quantile(hundred, 0.5) == 50);
  CHECK(quantile(hundred, 0.99) == 99);
  CHECK(quantile(hundred, 0.991) == 100);
  CHECK(quantile(hundred, 1) == 100);
  CHECK(quantile({7}, 0.5) == 7);
  CHECK(quantile({1, 9}, 0.99) == 9);  // of few values the greatest
}

TEST_CASE("service must be back within two election time-outs") {
  Histories histories;
  histories.took(10'000'000, 110'000'000, 0);
  const auto windows = fault_windows(with_fault(histories.history(), "kill", 5, 10));
  CHECK_FALSE(slow_recovery(windows, milliseconds(50)).has_value());
  const auto slow = slow_recovery(windows, milliseconds(49));
  REQUIRE(slow.has_value());
  CHECK(*slow ==
        "service came back 100 ms after healing (p99 of 1); 98 ms, two election time-outs, are "
        "allowed; the slowest: kill of node 1 at 0.005 s");
  CHECK_FALSE(slow_recovery({}, milliseconds(1)).has_value());
}

TEST_CASE("service that never comes back is a failure, whatever was asked") {
  for (const bool failed : {false, true}) {
    Histories histories;
    if (failed) {
      histories.failed(11'000'000, 12'000'000);
    } else {
      histories.unknown(11'000'000);
    }
    const auto windows = fault_windows(with_fault(histories.history(), "kill", 5, 10));
    CHECK(std::isinf(recoveries_ms(windows).at(0)));
    const auto slow = slow_recovery(windows, std::chrono::hours(1));
    REQUIRE(slow.has_value());
    CHECK(slow->find("never came back") != std::string::npos);
  }
}

}  // namespace
}  // namespace ticketd::jepsen
