// A history made small enough to be drawn, however long it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "jepsen/fault_window.h"
#include "jepsen/history.h"
#include "jepsen/run_facts.h"
#include "jepsen/verdict.h"

namespace ticketd::jepsen {

/// As Outcome.
inline constexpr std::size_t kOutcomes = 3;

/// When the last thing of the history happened, at least 1.
std::int64_t span_ns(const History& history);

/// How many operations of each outcome there were in each stretch of time: by their completion, and
/// those of unknown outcome by their invocation.
struct Throughput {
  std::int64_t bucket_ns = 1;
  std::vector<std::array<std::uint64_t, kOutcomes>> buckets;

  double per_second(std::size_t bucket, Outcome outcome) const;
};

/// At most `most` buckets of 1, 2 or 5 times a power of ten, at least 100 ms.
Throughput throughput(const History& history, std::size_t most = 240);

/// How many operations there were in each cell of time and the logarithm of latency. Those of
/// unknown outcome have none; they stand in the row kRows.
class Latencies {
 public:
  static constexpr std::size_t kColumns = 500, kRowsPerDecade = 24, kDecades = 5,
                               kRows = kRowsPerDecade * kDecades;
  /// Where row 0 begins; what is less stands there, too, and what is more in the last one.
  static constexpr double kLeastMs = 0.1;

  explicit Latencies(const History& history);

  /// Requires column < kColumns, row <= kRows.
  std::uint32_t count(Outcome outcome, std::size_t column, std::size_t row) const {
    return counts_[index(outcome, column, row)];
  }

 private:
  static std::size_t index(Outcome outcome, std::size_t column, std::size_t row) {
    return (static_cast<std::size_t>(outcome) * kColumns + column) * (kRows + 1) + row;
  }

  std::vector<std::uint32_t> counts_;
};

/// The row of a latency, below Latencies::kRows.
std::size_t latency_row(double ms);

/// One line a fault, in the order of their names.
std::vector<FaultSummary> summarize_faults(const History& history,
                                           const std::vector<FaultWindow>& windows);

/// What to draw of a finding: the operations that it names, and others of their sequences that were
/// under way about then, in the order of their invocation. At most `most`, those named first.
std::vector<std::uint32_t> around(const History& history, const Finding& finding,
                                  std::size_t most = 40);

/// Safe between tags and in quoted attributes. Bytes that no page may hold become U+FFFD.
std::string escaped_html(std::string_view text);

}  // namespace ticketd::jepsen
