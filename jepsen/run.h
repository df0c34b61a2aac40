// A whole run: a cluster, clients, faults, and the verdict.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "jepsen/check.h"
#include "jepsen/history.h"
#include "jepsen/nemesis.h"
#include "jepsen/workload.h"

namespace ticketd::jepsen {

/// What clients speak. Of both, every second client speaks one.
enum class Speaks : std::uint8_t { kHttp, kRedis, kBoth };

struct RunOptions {
  std::filesystem::path program;
  /// For the nemeses that need it.
  std::filesystem::path shim;
  /// Must not exist: history.edn, the nodes' data and logs go there.
  std::filesystem::path directory;
  std::uint32_t nodes = 3;
  WorkloadOptions workload;
  Speaks speaks = Speaks::kBoth;
  /// None for a run without faults.
  std::vector<const Nemesis*> nemeses;
  /// One after the other instead of drawn, and until each has had its turn, whatever the time.
  bool in_turn = false;
  std::chrono::seconds time{30};
  std::uint64_t seed = 1;
  std::chrono::milliseconds election_timeout{500};
  bool loopback = false;
};

struct RunResult {
  History history;
  Verdict verdict;
  /// What is wrong besides, such as a slow recovery; empty when nothing is.
  std::vector<std::string> failures;

  bool good() const { return verdict.decision == Decision::kValid && failures.empty(); }
};

/// Prints a line a second on the way. The error says what kept it from running. To be called from
/// the main thread, before there is another.
Result<RunResult> run(const RunOptions& options);

}  // namespace ticketd::jepsen
