// Going to the background.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace ticketd::cli {

/// What runs in the background. It calls `serving` once, when the one who started it may go, and
/// returns the exit code.
using DaemonBody = std::function<int(std::function<void()> serving)>;

/// Forks; must be called before any thread is made. The child is the leader of a session of its
/// own, keeps the working directory (relative paths go on working), reads from and prints to
/// /dev/null, and its standard error is appended to the file `log_path`. It runs `body` and exits
/// with its code.
///
/// The parent returns 0 once the child serves; a child that ends before that gives its exit code (1
/// when a signal ended it), and what it logged until then is copied to the parent's standard error.
/// Signals that ask the parent to end meanwhile (SIGINT, SIGTERM, SIGHUP) go to the child.
/// The error: the log cannot be opened, or there is no process to be had.
Result<int> run_in_background(const std::string& log_path, const DaemonBody& body);

}  // namespace ticketd::cli
