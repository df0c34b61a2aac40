// The command line of ticketd-sim.
#pragma once

namespace ticketd::sim {

/// The exit code: 0, 1 when a run failed, 2 when the options are wrong.
int run_command(int count, char** arguments);

}  // namespace ticketd::sim
