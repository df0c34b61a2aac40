// One run of one plan, and what is told of it.
#pragma once

#include <string>

#include "sim/plan.h"
#include "sim/statistics.h"

namespace ticketd::sim {

struct Telling {
  /// What happens, on standard error.
  bool trace = false;
  /// No line for a run that succeeds.
  bool quiet = false;
};

/// Runs it, and adds what happened to `total`. False: it failed, and that was told, with a line that
/// reproduces it. So it is when the program under test aborts, does not end an event, or is
/// reported by a sanitizer, if watch_for_aborts() was called.
bool run_one(const Plan& plan, const Telling& telling, Statistics& total);

void watch_for_aborts();
/// What watch_for_aborts() prints: the command that does it again.
void tell_if_aborted(const std::string& command);

}  // namespace ticketd::sim
