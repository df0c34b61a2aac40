// One whole run: a phase of faults, then healing, then what must come true in bounded time.
#pragma once

#include <string>

#include "tests/raft/cluster_simulation.h"

namespace ticketd::raft::cluster {

struct Outcome {
  Counts counts;
  std::uint64_t trace_hash = 0;
};

/// A failed check inside the core aborts the process: while this object lives, an abort first
/// writes the plan to standard error. One at a time.
class PlanOnAbort {
 public:
  explicit PlanOnAbort(const Plan& plan);
  ~PlanOnAbort();
  PlanOnAbort(const PlanOnAbort&) = delete;
  PlanOnAbort& operator=(const PlanOnAbort&) = delete;
};

/// Throws a Violation; its text names the plan.
Outcome run(const Plan& plan);

}  // namespace ticketd::raft::cluster
