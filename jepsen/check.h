// Says whether a history is right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jepsen/general_checker.h"
#include "jepsen/history.h"
#include "jepsen/verdict.h"

namespace ticketd::jepsen {

struct CheckOptions {
  SearchBudget budget;
  /// Has the general checker judge every sequence, too; that the two differ is a finding.
  bool both = false;
};

struct Verdict {
  Decision decision = Decision::kValid;
  std::vector<Finding> findings;
  /// What was judged.
  std::uint64_t operations = 0, unknown = 0, failed = 0, sequences = 0;
  /// Sequences that only the general checker could decide, or not even that.
  std::uint64_t searched = 0;
};

Verdict check(const History& history, const CheckOptions& options = {});

/// "valid: linearizable"
const char* name_of(Decision decision);

/// Some lines: the decision, then each finding with the operations it names.
std::string describe(const History& history, const Verdict& verdict);

}  // namespace ticketd::jepsen
