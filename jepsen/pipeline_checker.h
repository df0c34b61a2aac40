// Says whether requests of one pipeline took effect in their order.
//
// All of a pipeline is under way at once, so that linearizability allows any order. The Redis
// protocol promises that of the requests (docs/redis-api.md): of two answers of one pipeline for
// one sequence, the later one's numbers are the higher ones, and a read sees what was taken before
// it and nothing that was taken behind it.
#pragma once

#include <vector>

#include "jepsen/history.h"
#include "jepsen/verdict.h"

namespace ticketd::jepsen {

/// Adds a finding for each answer that is out of order, kFindingsMax at most. Requests with an
/// idempotency key are left out: their answer may be from before. O(n) in the history's operations.
void check_pipelines(const History& history, std::vector<Finding>& findings);

}  // namespace ticketd::jepsen
