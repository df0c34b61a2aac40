// A failing run made small: without the fault classes it does not need, with fewer nodes, clients
// and operations, and cut off when it has failed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sim/plan.h"

namespace ticketd::sim {

struct Failure {
  /// What failed, without its numbers: two failures of one kind have the same.
  std::string kind;
  /// When, in virtual time; none: not known.
  std::optional<Micros> at;
};

/// None: the plan runs through.
using Attempt = std::function<std::optional<Failure>(const Plan&)>;

/// The smallest plan found that fails in the same way as `plan`, which fails with `failure`. Where
/// a change moves the failure away, as many other seeds are tried. `tell` hears of every success.
Plan shrink(Plan plan, const Failure& failure, const Attempt& attempt, unsigned seeds,
            const std::function<void(const Plan&)>& tell);

/// Runs it in a process of its own, so that an abort or an endless run is a failure like others.
std::optional<Failure> run_apart(const Plan& plan, unsigned seconds);

/// The kind of failure that a run's output tells of: its first line, or where it aborted.
Failure failure_in(const std::string& output);

}  // namespace ticketd::sim
