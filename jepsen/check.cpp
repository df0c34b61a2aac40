#include "jepsen/check.h"

#include <algorithm>
#include <iterator>

#include "jepsen/fast_checker.h"
#include "jepsen/pipeline_checker.h"
#include "jepsen/requests.h"

namespace ticketd::jepsen {

namespace {

Decision check_sequence(const SequenceRequests& sequence, const CheckOptions& options,
                        Verdict& verdict) {
  const Decision fast = fast_check(sequence, verdict.findings);
  const bool search = fast == Decision::kUndecided;
  if (!search && !options.both) return fast;
  verdict.searched += search ? 1 : 0;
  std::vector<Finding> found;
  const Decision general = general_check(sequence, options.budget, found);
  std::move(found.begin(), found.end(), std::back_inserter(verdict.findings));
  if (search || general == fast) return general;
  if (general == Decision::kUndecided) {
    return fast == Decision::kViolated ? Decision::kViolated : Decision::kUndecided;
  }
  verdict.findings.push_back({"the two checkers differ: one of them is wrong", {}});
  return Decision::kUndecided;
}

}  // namespace

const char* name_of(Decision decision) {
  switch (decision) {
    case Decision::kValid:
      return "valid: linearizable";
    case Decision::kViolated:
      return "VIOLATED";
    default:
      return "UNDECIDED, which is a failure";
  }
}

Verdict check(const History& history, const CheckOptions& options) {
  Verdict verdict;
  verdict.operations = history.operations.size();
  for (const Operation& operation : history.operations) {
    verdict.unknown += operation.outcome == Outcome::kUnknown ? 1 : 0;
    verdict.failed += operation.outcome == Outcome::kFail ? 1 : 0;
  }
  bool violated = false, undecided = false;
  const auto sequences = requests_by_sequence(history, verdict.findings);
  check_pipelines(history, verdict.findings);
  violated = !verdict.findings.empty();
  verdict.sequences = sequences.size();
  for (const SequenceRequests& sequence : sequences) {
    const Decision decision = check_sequence(sequence, options, verdict);
    violated = violated || decision == Decision::kViolated;
    undecided = undecided || decision == Decision::kUndecided;
  }
  verdict.decision = violated    ? Decision::kViolated
                     : undecided ? Decision::kUndecided
                                 : Decision::kValid;
  return verdict;
}

std::string describe(const History& history, const Verdict& verdict) {
  constexpr std::size_t kShownMax = 50;
  std::string text = name_of(verdict.decision);
  text += '\n';
  for (std::size_t at = 0; at < std::min(kShownMax, verdict.findings.size()); ++at) {
    text += "- " + verdict.findings[at].what + "\n";
    for (const std::uint32_t operation : verdict.findings[at].operations) {
      text += "    " + describe(history, history.operations[operation]) + "\n";
    }
  }
  if (verdict.findings.size() > kShownMax) {
    text += "- ... and " + std::to_string(verdict.findings.size() - kShownMax) + " more findings\n";
  }
  return text;
}

}  // namespace ticketd::jepsen
