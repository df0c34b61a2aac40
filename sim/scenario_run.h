// Scenario files: run, compared with what they say, or written anew.
#pragma once

#include <string>
#include <vector>

namespace ticketd::sim {

/// Runs each file and tells on standard output what differs; with `rewrite` the files are given
/// what came out instead. What was expected by a command and did not come is a failure in both.
/// False: one has failed.
bool run_scenarios(const std::vector<std::string>& paths, bool rewrite);

}  // namespace ticketd::sim
