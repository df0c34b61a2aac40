// The command line of ticketd-jepsen.
#pragma once

namespace ticketd::jepsen {

/// The exit code: 0, 1 when something is wrong or undecided, 2 when the options or files are.
int run_command(int count, char** arguments);

}  // namespace ticketd::jepsen
