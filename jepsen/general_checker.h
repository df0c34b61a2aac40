// Searches for an order that explains the requests of one sequence, whatever their sizes: the
// algorithm of Wing and Gong (1993) as a depth-first search, with Lowe's memory of states (2017).
// It needs exponential time in the worst case, knows nothing of gaps and ranges, and is the slow
// twin of the fast checker.
//
// A state is the next number to be given together with the requests that have their place already.
// Next may be any known request that fits and was invoked before the first of those left returned;
// or an unknown one invoked by then: of each size only the one invoked first of those not used,
// since they differ only in when they could begin. A read that fits goes at once: it changes
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "jepsen/requests.h"
#include "jepsen/verdict.h"

namespace ticketd::jepsen {

/// What a search may cost. Beyond it the answer is kUndecided.
struct SearchBudget {
  std::uint64_t states = 50'000'000;
  std::size_t memory_bytes = std::size_t{2} << 30;
};

/// Unless the answer is kValid a finding is added: how far the best attempt came, and who could not
/// go on there.
Decision general_check(const SequenceRequests& sequence, const SearchBudget& budget,
                       std::vector<Finding>& findings);

}  // namespace ticketd::jepsen
