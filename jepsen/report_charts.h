// The drawings of report.html, as inline SVG. Colours are classes of its style sheet.
#pragma once

#include <string>
#include <vector>

#include "jepsen/fault_window.h"
#include "jepsen/history.h"
#include "jepsen/verdict.h"

namespace ticketd::jepsen {

/// A row for each kind of fault; empty when there was none.
std::string fault_chart(const std::vector<FaultWindow>& windows, std::int64_t span_ns);

std::string throughput_chart(const History& history, const std::vector<FaultWindow>& windows);

/// A point a cell of time and latency, whatever the number of operations in it.
std::string latency_chart(const History& history, const std::vector<FaultWindow>& windows);

/// The operations of a finding and those about them, a row each process.
std::string finding_chart(const History& history, const Finding& finding);

/// 12.3 ms, 4.56 s
std::string duration_text(double ms);

}  // namespace ticketd::jepsen
