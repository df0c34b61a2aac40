#include "jepsen/report_page.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <vector>

#include "jepsen/fault_window.h"
#include "jepsen/report_charts.h"
#include "jepsen/report_data.h"
#include "jepsen/report_style.h"

namespace ticketd::jepsen {

namespace {

constexpr std::size_t kFindingsDrawn = 5, kWindowsListed = 500;

/// 12345 as 12,345.
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string percent(std::uint64_t part, std::uint64_t all) {
  if (all == 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%",
                100 * static_cast<double>(part) / static_cast<double>(all));
  return text;
}

std::string number_cell(const std::string& text) {
  return "<td class=\"number\">" + escaped_html(text) + "</td>";
}

std::string text_cell(const std::string& text) { return "<td>" + escaped_html(text) + "</td>"; }

std::string legend(const std::vector<std::pair<const char*, const char*>>& entries) {
  std::string result = "<p class=\"legend\">";
  for (const auto& [style, text] : entries) {
    result += std::string("<span><i class=\"") + style + "\"></i>" + text + "</span>";
  }
  return result + "</p>\n";
}

std::string verdict_box(const Verdict& verdict, const RunFacts& facts) {
  const bool good = verdict.decision == Decision::kValid && facts.failures.empty();
  std::string result = good ? "<div class=\"verdict good\"><strong>VALID</strong>"
                            : "<div class=\"verdict bad\"><strong>FAILED</strong>";
  result += "<ul><li>History " + escaped_html(name_of(verdict.decision)) + "</li>";
  for (const std::string& failure : facts.failures) {
    result += "<li>" + escaped_html(failure) + "</li>";
  }
  if (facts.failures.empty()) {
    result += facts.parameters.empty() ? "<li>Recovery, replicas and nodes: not known</li>"
                                       : "<li>Recovery, replicas and nodes: no complaint</li>";
  }
  return result + "</ul></div>\n";
}

std::string tile(const std::string& value, const std::string& name) {
  return "<div><b>" + escaped_html(value) + "</b><span>" + escaped_html(name) + "</span></div>\n";
}

std::string tiles(const Verdict& verdict, const std::vector<FaultWindow>& windows,
                  const RunFacts& facts) {
  const std::uint64_t ok = verdict.operations - verdict.failed - verdict.unknown;
  std::string result = "<div class=\"tiles\">";
  result += tile(grouped(verdict.operations), "operations");
  result += tile(percent(ok, verdict.operations), "answered");
  result += tile(percent(verdict.failed, verdict.operations), "failed");
  result += tile(percent(verdict.unknown, verdict.operations), "of unknown outcome");
  result += tile(grouped(windows.size()), "faults");
  if (const auto recoveries = recoveries_ms(windows); !recoveries.empty()) {
    result += tile(duration_text(quantile(recoveries, 0.5)), "recovery, p50");
    result += tile(duration_text(quantile(recoveries, 0.99)), "recovery, p99");
    result += tile(duration_text(recoveries.back()), "recovery, longest");
  }
  if (facts.election_timeout.count() > 0) {
    result += tile(duration_text(static_cast<double>(facts.election_timeout.count() * 2)),
                   "allowed at p99");
  }
  return result + "</div>\n";
}

std::string parameters(const RunFacts& facts) {
  if (facts.parameters.empty()) return "";
  std::string result = "<h2>Run</h2>\n<table>";
  for (const auto& [name, value] : facts.parameters) {
    result += "<tr><th scope=\"row\">" + escaped_html(name) + "</th>" + text_cell(value) + "</tr>";
  }
  result += "</table>\n";
  if (!facts.command.empty()) {
    result += "<p>Again: <code>" + escaped_html(facts.command) + "</code></p>\n";
  }
  return result;
}

std::string findings(const History& history, const Verdict& verdict) {
  if (verdict.findings.empty()) return "";
  std::string result = "<h2>Findings</h2>\n";
  result += legend({{"ok", "answered"}, {"failed", "failed"}, {"unknown", "outcome unknown"}});
  result +=
      "<p class=\"soft\">Framed: what the finding names. Faint: others of the sequence about "
      "then. A row is a process, a bar an operation from its invocation to its return.</p>\n";
  const std::size_t drawn = std::min(kFindingsDrawn, verdict.findings.size());
  for (std::size_t at = 0; at < drawn; ++at) {
    result += "<h3>" + escaped_html(verdict.findings[at].what) + "</h3>\n";
    result += finding_chart(history, verdict.findings[at]);
  }
  return result + "<details><summary>All findings in words</summary><pre>" +
         escaped_html(describe(history, verdict)) + "</pre></details>\n";
}

std::string charts(const History& history, const std::vector<FaultWindow>& windows) {
  std::string result = "<h2>Over time</h2>\n";
  if (!windows.empty()) {
    result += "<h3>Faults, until a majority ran and links were whole</h3>\n";
    result += legend({{"process", "processes and members"},
                      {"network", "network"},
                      {"machine", "disks and clocks"}});
    result += fault_chart(windows, span_ns(history));
  }
  result += "<h3>Operations a second</h3>\n";
  result += legend({{"ok", "answered"}, {"failed", "failed"}, {"unknown", "outcome unknown"}});
  result += throughput_chart(history, windows);
  result += "<h3>Latency, and when it was answered</h3>\n" + latency_chart(history, windows);
  return result;
}

std::string fault_table(const History& history, const std::vector<FaultWindow>& windows) {
  if (windows.empty()) return "";
  std::string result =
      "<h2>Faults</h2>\n<div class=\"scroll\"><table><tr><th>Fault</th><th class=\"number\">Times"
      "</th><th class=\"number\">Operations meanwhile</th><th class=\"number\">Answered</th><th "
      "class=\"number\">Unknown</th><th class=\"number\">Recovery p50</th><th class=\"number\">p99"
      "</th><th class=\"number\">Longest</th></tr>\n";
  for (const FaultSummary& fault : summarize_faults(history, windows)) {
    const auto& sorted = fault.recoveries_ms;
    const auto recovery = [&](double share) {
      return number_cell(sorted.empty() ? "-" : duration_text(quantile(sorted, share)));
    };
    result += "<tr>" + text_cell(fault.fault) + number_cell(grouped(fault.count)) +
              number_cell(grouped(fault.operations)) +
              number_cell(percent(fault.ok, fault.operations)) +
              number_cell(grouped(fault.unknown)) + recovery(0.5) + recovery(0.99) + recovery(1) +
              "</tr>\n";
  }
  return result + "</table></div>\n";
}

std::string seconds_text(std::int64_t ns) {
  if (ns == kNever) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", static_cast<double>(ns) / 1e9);
  return text;
}

std::string window_list(const std::vector<FaultWindow>& windows, const RunFacts& facts) {
  if (windows.empty()) return "";
  std::string result =
      "<details><summary>Each fault</summary><div class=\"scroll\"><table><tr>"
      "<th>Fault</th><th>Whom</th><th class=\"number\">Begun</th><th "
      "class=\"number\">Until healed</th><th class=\"number\">Recovery</th></tr>\n";
  for (std::size_t at = 0; at < std::min(kWindowsListed, windows.size()); ++at) {
    const FaultWindow& window = windows[at];
    const bool slow = window.recovery_ns && facts.election_timeout.count() > 0 &&
                      *window.recovery_ns > facts.election_timeout.count() * 2'000'000;
    const std::string recovery =
        !window.recovery_ns ? "-"
        : *window.recovery_ns == kNever
            ? "never"
            : duration_text(static_cast<double>(*window.recovery_ns) / 1e6);
    result += std::string(slow ? "<tr class=\"slow\">" : "<tr>") + text_cell(window.fault) +
              text_cell(window.what) + number_cell(seconds_text(window.begin_ns)) +
              number_cell(seconds_text(window.length_ns())) + number_cell(recovery) + "</tr>\n";
  }
  result += "</table></div>";
  if (windows.size() > kWindowsListed) {
    result += "<p class=\"soft\">... and " + grouped(windows.size() - kWindowsListed) + " more</p>";
  }
  return result + "</details>\n";
}

}  // namespace

std::string report_page(const History& history, const Verdict& verdict, const RunFacts& facts) {
  const auto windows = fault_windows(history);
  return std::string("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n") +
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
         "<title>ticketd under faults</title>\n<style>" + kReportStyle + "</style></head>\n" +
         "<body>\n<h1>ticketd under faults</h1>\n" + verdict_box(verdict, facts) +
         tiles(verdict, windows, facts) + findings(history, verdict) + charts(history, windows) +
         fault_table(history, windows) + window_list(windows, facts) + parameters(facts) +
         "</body></html>\n";
}

Status write_report(const std::filesystem::path& path, const History& history,
                    const Verdict& verdict, const RunFacts& facts) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << report_page(history, verdict, facts);
  file.close();
  return file ? Status() : Error{"cannot write " + path.string()};
}

}  // namespace ticketd::jepsen
