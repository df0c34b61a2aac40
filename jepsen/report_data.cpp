#include "jepsen/report_data.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

/// When an operation is counted.
std::int64_t moment_of(const Operation& operation) {
  return operation.outcome == Outcome::kUnknown ? operation.invoked_ns : operation.returned_ns;
}

/// The least of 1, 2 and 5 times a power of ten that is enough.
std::int64_t round_up(std::int64_t enough) {
  for (std::int64_t power = 1;; power *= 10) {
    for (const std::int64_t factor : {1, 2, 5}) {
      if (power * factor >= enough) return power * factor;
    }
  }
}

/// How far the two are apart in time; 0 when they overlap.
std::int64_t gap(const Operation& a, const Operation& b) {
  return std::max<std::int64_t>({0, a.invoked_ns - moment_of(b), b.invoked_ns - moment_of(a)});
}

}  // namespace

std::int64_t span_ns(const History& history) {
  std::int64_t span = 1;
  for (const Operation& operation : history.operations) {
    span = std::max(span, moment_of(operation));
  }
  for (const FaultEvent& fault : history.faults) span = std::max(span, fault.time_ns);
  return span;
}

double Throughput::per_second(std::size_t bucket, Outcome outcome) const {
  return static_cast<double>(buckets.at(bucket)[static_cast<std::size_t>(outcome)]) * 1e9 /
         static_cast<double>(bucket_ns);
}

Throughput throughput(const History& history, std::size_t most) {
  constexpr std::int64_t kLeastNs = 100'000'000;
  ENSURE_GT(most, 0);
  const std::int64_t span = span_ns(history) + 1;
  const auto count = static_cast<std::int64_t>(most);
  Throughput result;
  result.bucket_ns = round_up(std::max(kLeastNs, (span + count - 1) / count));
  result.buckets.resize(static_cast<std::size_t>((span + result.bucket_ns - 1) / result.bucket_ns));
  for (const Operation& operation : history.operations) {
    const auto at = static_cast<std::size_t>(moment_of(operation) / result.bucket_ns);
    ++result.buckets[at][static_cast<std::size_t>(operation.outcome)];
  }
  return result;
}

std::size_t latency_row(double ms) {
  const double row = std::log10(std::max(ms, Latencies::kLeastMs) / Latencies::kLeastMs) *
                     static_cast<double>(Latencies::kRowsPerDecade);
  return static_cast<std::size_t>(std::min(row, static_cast<double>(Latencies::kRows - 1)));
}

Latencies::Latencies(const History& history) : counts_(kOutcomes * kColumns * (kRows + 1)) {
  const auto span = static_cast<double>(span_ns(history));
  for (const Operation& operation : history.operations) {
    const double share = static_cast<double>(moment_of(operation)) / span;
    const auto column =
        std::min(static_cast<std::size_t>(share * static_cast<double>(kColumns)), kColumns - 1);
    const bool answered = operation.outcome != Outcome::kUnknown;
    const std::size_t row =
        answered
            ? latency_row(static_cast<double>(operation.returned_ns - operation.invoked_ns) / 1e6)
            : kRows;
    ++counts_[index(operation.outcome, column, row)];
  }
}

std::vector<FaultSummary> summarize_faults(const History& history,
                                           const std::vector<FaultWindow>& windows) {
  std::map<std::string, FaultSummary> by_name;
  std::map<std::string, std::vector<FaultWindow>> windows_of;
  for (const FaultWindow& window : windows) {
    FaultSummary& summary = by_name[window.fault];
    summary.fault = window.fault;
    ++summary.count;
    windows_of[window.fault].push_back(window);
    auto at =
        std::ranges::lower_bound(history.operations, window.begin_ns, {}, &Operation::invoked_ns);
    for (; at != history.operations.end() && at->invoked_ns < window.healed_ns; ++at) {
      ++summary.operations;
      summary.ok += at->outcome == Outcome::kOk ? 1U : 0U;
      summary.unknown += at->outcome == Outcome::kUnknown ? 1U : 0U;
    }
  }
  std::vector<FaultSummary> result;
  for (auto& [name, summary] : by_name) {
    summary.recoveries_ms = recoveries_ms(windows_of[name]);
    result.push_back(std::move(summary));
  }
  return result;
}

std::vector<std::uint32_t> around(const History& history, const Finding& finding,
                                  std::size_t most) {
  std::vector<std::uint32_t> chosen = finding.operations;
  chosen.resize(std::min(chosen.size(), most));
  const std::vector<std::uint32_t> named = chosen;
  std::vector<std::pair<std::int64_t, std::uint32_t>> others;  // the distance, and which
  for (std::uint32_t at = 0; at < history.operations.size() && !named.empty(); ++at) {
    const Operation& operation = history.operations[at];
    if (std::ranges::find(named, at) != named.end()) continue;
    std::int64_t nearest = kNever;
    for (const std::uint32_t each : named) {
      const Operation& one = history.operations[each];
      if (one.sequence == operation.sequence) nearest = std::min(nearest, gap(one, operation));
    }
    if (nearest < kNever) others.emplace_back(nearest, at);
  }
  const std::size_t more = std::min(most - chosen.size(), others.size());
  std::ranges::partial_sort(others, others.begin() + static_cast<std::ptrdiff_t>(more));
  for (std::size_t at = 0; at < more; ++at) chosen.push_back(others[at].second);
  std::ranges::sort(chosen);
  return chosen;
}

std::string escaped_html(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        const bool allowed = (byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t';
        result += allowed ? std::string_view(&c, 1) : std::string_view("\xef\xbf\xbd");
      }
    }
  }
  return result;
}

}  // namespace ticketd::jepsen
