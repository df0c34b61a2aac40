// What a run was, beside its history: run.json, from which a report is made again.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ticketd::jepsen {

struct RunFacts {
  /// Names and values as people read them, in that order.
  std::vector<std::pair<std::string, std::string>> parameters;
  /// What runs the same again; empty when unknown.
  std::string command;
  /// Of the nodes; 0 when unknown.
  std::chrono::milliseconds election_timeout{0};
  /// RunResult::failures.
  std::vector<std::string> failures;
};

/// One fault's line of a summary.
struct FaultSummary {
  std::string fault;
  std::uint64_t count = 0;
  /// Asked between the fault's beginning and its healing, how many of them were answered, and of
  /// how many the outcome is unknown.
  std::uint64_t operations = 0, ok = 0, unknown = 0;
  /// In growing order.
  std::vector<double> recoveries_ms;
};

/// `verdict` in words. Replaces the file.
Status write_run_facts(const std::filesystem::path& path, const RunFacts& facts,
                       const std::string& verdict, const std::vector<FaultSummary>& faults);

/// An error that begins with the path when there is none or it is something else.
Result<RunFacts> read_run_facts(const std::filesystem::path& path);

}  // namespace ticketd::jepsen
