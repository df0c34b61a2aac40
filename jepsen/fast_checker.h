// Says whether the requests of one sequence are linearizable: exactly, and in O(n log n).
//
// A request is a closed interval of time. The known ones stand in the order of the numbers they
// saw, so that no order has to be searched for. They are linearizable exactly when
//
//   - the numbers taken overlap nowhere, and no read saw the midst of a range or what is below the
//     start;
//   - no request returned before one with a lower position was invoked;
//   - numbers below the highest seen that nobody is known to have taken were taken by requests of
//     unknown outcome, which could begin and never had to end.
//
// When the unknown ones are all of one size s, each gap is a multiple of s, and the missing units
// m1 < m2 < ... go to the unknown in the order of their invocation: the k-th must have been invoked
// no later than the earliest return of a request above mk. (They differ only in when they could
// begin, so exchanging two of them never helps.) With several sizes the question is strongly
// NP-complete (3-PARTITION), and only the general checker answers it; without a gap it does not
// arise.
#pragma once

#include <cstdint>
#include <vector>

#include "jepsen/requests.h"
#include "jepsen/verdict.h"

namespace ticketd::jepsen {

/// kUndecided only when there are gaps, unknown requests of several sizes, and nothing else is
/// wrong. What is wrong is added to `findings`, kFindingsMax at most; the last tells of more.
Decision fast_check(const SequenceRequests& sequence, std::vector<Finding>& findings);

inline constexpr unsigned kFindingsMax = 10;

}  // namespace ticketd::jepsen
