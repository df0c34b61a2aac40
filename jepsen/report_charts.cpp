#include "jepsen/report_charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "jepsen/nemesis.h"
#include "jepsen/report_data.h"

namespace ticketd::jepsen {

namespace {

constexpr double kWidth = 1200, kLeft = 150, kRight = 1185, kPlot = kRight - kLeft;
constexpr const char* kOutcomeClasses[kOutcomes] = {"ok", "failed", "unknown"};

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  char text[400];
  std::snprintf(text, sizeof text, pattern, arguments...);
  return text;
}

std::string svg(double height, const std::string& name, const std::string& content) {
  return format("<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">", kWidth, height,
                name.c_str()) +
         content + "</svg>\n";
}

std::string text_at(double x, double y, const char* style, std::string_view text) {
  return format("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, style) + escaped_html(text) +
         "</text>";
}

std::string line(double x1, double y1, double x2, double y2, const char* style) {
  return format("<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>", style, x1, y1, x2, y2);
}

/// About `count` steps of 1, 2 or 5 times a power of ten.
double nice_step(double span, double count) {
  const double power = std::pow(10, std::floor(std::log10(span / count)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (power * factor * count >= span) return power * factor;
  }
  return power * 10;
}

/// Seconds from the left to the right, under a drawing of that height.
class TimeAxis {
 public:
  explicit TimeAxis(std::int64_t span_ns) : span_s_(static_cast<double>(span_ns) / 1e9) {}

  double x(std::int64_t ns) const {
    return kLeft + kPlot * std::min(1.0, static_cast<double>(ns) / 1e9 / span_s_);
  }

  std::string draw(double top, double bottom) const {
    std::string result;
    const double step = nice_step(span_s_, 12);
    for (int at = 0; at * step <= span_s_; ++at) {
      const double x = kLeft + kPlot * at * step / span_s_;
      result += line(x, top, x, bottom, "grid");
      result += text_at(x, bottom + 16, "middle", format("%g s", at * step));
    }
    return result;
  }

 private:
  double span_s_;
};

/// By what a fault works on.
const char* kind_of(const std::string& fault) {
  const Nemesis* const nemesis = nemesis_named(fault);
  if (nemesis == nullptr) return "process";
  if (fault == "bit-rot") return "machine";  // of files, without the shim
  return nemesis->needs_network ? "network" : nemesis->needs_shim ? "machine" : "process";
}

std::string title_of(const FaultWindow& window) {
  std::string text = window.fault + ": " + window.what + "\nfrom " +
                     format("%.3f s", static_cast<double>(window.begin_ns) / 1e9);
  if (window.healed_ns != kNever) {
    text += format(" to %.3f s", static_cast<double>(window.healed_ns) / 1e9);
  }
  if (window.recovery_ns) {
    text += *window.recovery_ns == kNever
                ? "\nservice never came back"
                : "\nservice back after " +
                      duration_text(static_cast<double>(*window.recovery_ns) / 1e6);
  }
  return "<title>" + escaped_html(text) + "</title>";
}

/// From the fault's beginning to its healing, as a rectangle.
std::string window_bar(const FaultWindow& window, const TimeAxis& axis, double top, double height,
                       const std::string& style) {
  const double x = axis.x(window.begin_ns);
  const double width = std::max(1.5, axis.x(window.healed_ns) - x);
  return format("<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">",
                style.c_str(), x, top, width, height) +
         title_of(window) + "</rect>";
}

/// Shades, and names what there is room for.
std::string shades(const std::vector<FaultWindow>& windows, const TimeAxis& axis, double top,
                   double bottom) {
  constexpr double kLetter = 6;
  std::string result;
  double free_from = 0;
  for (const FaultWindow& window : windows) {
    result +=
        window_bar(window, axis, top, bottom - top, std::string("shade ") + kind_of(window.fault));
    const double x = axis.x(window.begin_ns);
    const double width = kLetter * static_cast<double>(window.fault.size());
    if (x < free_from || x + width > kRight) continue;
    result += text_at(x, top - 4, "small", window.fault);
    free_from = x + width + kLetter;
  }
  return result;
}

/// Processes of a finding, each with the row that it has.
std::map<std::uint32_t, std::size_t> rows_of(const History& history,
                                             const std::vector<std::uint32_t>& chosen) {
  std::map<std::uint32_t, std::size_t> rows;
  for (const std::uint32_t at : chosen) {
    rows.try_emplace(history.operations[at].process, rows.size());
  }
  return rows;
}

std::string answer_of(const Operation& operation) {
  if (operation.outcome == Outcome::kUnknown) return "unknown";
  if (operation.outcome == Outcome::kFail) return "failed";
  const std::string last = operation.end == 0 ? "-1" : std::to_string(operation.end - 1);
  if (operation.function == Function::kRead) return "read " + last;
  return operation.end - operation.begin == 1 ? last : std::to_string(operation.begin) + "-" + last;
}

/// Where a row has labels, from and to.
using Labels = std::vector<std::pair<double, double>>;

/// Where the label of a bar stands, and its style; nothing when another is in the way.
std::optional<std::pair<double, const char*>> label_of(const Operation& operation, double begin,
                                                       bool named, Labels& labels) {
  constexpr double kLetter = 7, kGap = 5;
  const double width = kLetter * static_cast<double>(answer_of(operation).size());
  const bool right = begin + kGap + width < kRight;
  const double from = right ? begin + kGap : begin - kGap - width;
  const bool taken = std::ranges::any_of(
      labels, [&](const auto& label) { return from < label.second && label.first < from + width; });
  if (taken && !named) return std::nullopt;
  labels.emplace_back(from, from + width);
  const char* const style =
      named ? (right ? "label strong" : "label strong end") : (right ? "label" : "label end");
  return std::pair(right ? from : from + width, style);
}

}  // namespace

std::string duration_text(double ms) {
  if (!std::isfinite(ms)) return "never";
  return ms < 1000 ? format("%.1f ms", ms) : format("%.2f s", ms / 1000);
}

std::string fault_chart(const std::vector<FaultWindow>& windows, std::int64_t span_ns) {
  constexpr double kRow = 20, kTop = 6;
  if (windows.empty()) return "";
  std::set<std::string> names;
  for (const FaultWindow& window : windows) names.insert(window.fault);
  const double bottom = kTop + kRow * static_cast<double>(names.size());
  const TimeAxis axis(span_ns);
  std::string result = axis.draw(kTop, bottom);
  double top = kTop;
  for (const std::string& name : names) {
    result += text_at(kLeft - 8, top + 14, "end", name);
    for (const FaultWindow& window : windows) {
      if (window.fault != name) continue;
      result += window_bar(window, axis, top + 4, kRow - 8, std::string("bar ") + kind_of(name));
    }
    top += kRow;
  }
  return svg(bottom + 24, "Faults over time", result);
}

std::string throughput_chart(const History& history, const std::vector<FaultWindow>& windows) {
  constexpr double kTop = 22, kBottom = 222;
  const std::int64_t span = span_ns(history);
  const TimeAxis axis(span);
  const Throughput data = throughput(history);
  double most = 1;
  for (std::size_t bucket = 0; bucket < data.buckets.size(); ++bucket) {
    for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome) {
      most = std::max(most, data.per_second(bucket, static_cast<Outcome>(outcome)));
    }
  }
  const double step = nice_step(most, 5), ceiling = std::ceil(most / step) * step;
  const auto y = [&](double rate) { return kBottom - (kBottom - kTop) * rate / ceiling; };
  std::string result = shades(windows, axis, kTop, kBottom) + axis.draw(kTop, kBottom);
  for (double rate = 0; rate <= ceiling; rate += step) {
    result += line(kLeft, y(rate), kRight, y(rate), "grid");
    result += text_at(kLeft - 8, y(rate) + 4, "end", format("%g/s", rate));
  }
  for (const std::size_t outcome : {0U, 1U, 2U}) {
    std::string path;
    for (std::size_t bucket = 0; bucket < data.buckets.size(); ++bucket) {
      const auto begin = static_cast<std::int64_t>(bucket) * data.bucket_ns;
      const double height = y(data.per_second(bucket, static_cast<Outcome>(outcome)));
      path += format(bucket == 0 ? "M%.1f %.1fH%.1f" : "L%.1f %.1fH%.1f", axis.x(begin), height,
                     axis.x(std::min(span, begin + data.bucket_ns)));
    }
    result += format("<path class=\"line %s\" d=\"", kOutcomeClasses[outcome]) + path + "\"/>";
  }
  return svg(kBottom + 24, "Throughput over time", result);
}

std::string latency_chart(const History& history, const std::vector<FaultWindow>& windows) {
  constexpr double kTop = 44, kRow = 2.5, kUnknown = 30,
                   kBottom = kTop + kRow * static_cast<double>(Latencies::kRows);
  constexpr std::uint32_t kDensities[] = {1, 3, 10};
  const TimeAxis axis(span_ns(history));
  std::string result = shades(windows, axis, 16, kBottom) + axis.draw(kTop, kBottom);
  double ms = Latencies::kLeastMs;
  for (std::size_t decade = 0; decade <= Latencies::kDecades; ++decade, ms *= 10) {
    const double y = kBottom - kRow * static_cast<double>(decade * Latencies::kRowsPerDecade);
    result += line(kLeft, y, kRight, y, "grid");
    result += text_at(kLeft - 8, y + 4, "end",
                      ms < 1000 ? format("%g ms", ms) : format("%g s", ms / 1000));
  }
  result += text_at(kLeft - 8, kUnknown + 4, "end", "no answer");
  const Latencies cells(history);
  // Whatever is rare comes last, on top.
  for (const std::size_t outcome : {0U, 1U, 2U}) {
    for (std::size_t density = 0; density < std::size(kDensities); ++density) {
      std::string path;
      for (std::size_t column = 0; column < Latencies::kColumns; ++column) {
        for (std::size_t row = 0; row <= Latencies::kRows; ++row) {
          const std::uint32_t count = cells.count(static_cast<Outcome>(outcome), column, row);
          const bool more = density + 1 < std::size(kDensities) && count >= kDensities[density + 1];
          if (count < kDensities[density] || more) continue;
          const double y = row == Latencies::kRows
                               ? kUnknown
                               : kBottom - kRow * (static_cast<double>(row) + 0.5);
          path += format("M%.0f %.0fh0",
                         kLeft + kPlot * (static_cast<double>(column) + 0.5) /
                                     static_cast<double>(Latencies::kColumns),
                         y);
        }
      }
      if (path.empty()) continue;
      result += format("<path class=\"points %s d%zu\" d=\"", kOutcomeClasses[outcome], density) +
                path + "\"/>";
    }
  }
  return svg(kBottom + 24, "Latency over time", result);
}

std::string finding_chart(const History& history, const Finding& finding) {
  constexpr double kRow = 22, kTop = 6;
  auto chosen = around(history, finding);
  if (chosen.empty()) return "";
  std::int64_t from = kNever, to = 0;
  for (const std::uint32_t at : chosen) {
    const Operation& operation = history.operations[at];
    from = std::min(from, operation.invoked_ns);
    to = std::max(
        to, operation.outcome == Outcome::kUnknown ? operation.invoked_ns : operation.returned_ns);
  }
  const double span = static_cast<double>(std::max<std::int64_t>(1, to - from)) * 1.02;
  const auto x = [&](std::int64_t ns) {
    return ns == kNever ? kRight : kLeft + kPlot * static_cast<double>(ns - from) / span;
  };
  const auto rows = rows_of(history, chosen);
  const double bottom = kTop + kRow * static_cast<double>(rows.size());
  std::string result;
  const double step = nice_step(span / 1e6, 8);
  for (int at = 0; at * step * 1e6 <= span; ++at) {
    const double here = kLeft + kPlot * at * step * 1e6 / span;
    result += line(here, kTop, here, bottom, "grid");
    result += text_at(here, bottom + 16, "middle", format("+%g ms", at * step));
  }
  for (const auto& [process, row] : rows) {
    result += text_at(kLeft - 8, kTop + kRow * (static_cast<double>(row) + 0.7), "end",
                      "process " + std::to_string(process));
  }
  std::map<std::uint32_t, Labels> taken;
  std::ranges::stable_partition(chosen, [&](std::uint32_t at) {
    return std::ranges::find(finding.operations, at) != finding.operations.end();
  });
  for (const std::uint32_t at : chosen) {
    const Operation& operation = history.operations[at];
    const bool named = std::ranges::find(finding.operations, at) != finding.operations.end();
    const double top = kTop + kRow * static_cast<double>(rows.at(operation.process)) + 3;
    const double begin = x(operation.invoked_ns);
    result += format(
        "<rect class=\"bar %s%s\" rx=\"3\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
        "height=\"%.0f\">",
        kOutcomeClasses[static_cast<std::size_t>(operation.outcome)], named ? " named" : " other",
        begin, top, std::max(2.0, x(operation.returned_ns) - begin), kRow - 6);
    result += "<title>" + escaped_html(describe(history, operation)) + "</title></rect>";
    const auto text = label_of(operation, begin, named, taken[operation.process]);
    if (text) result += text_at(text->first, top + 12, text->second, answer_of(operation));
  }
  return svg(bottom + 24, "Operations of the finding", result);
}

}  // namespace ticketd::jepsen
