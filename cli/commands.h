// The commands. Each prints its result and its errors, and returns the exit code.
#pragma once

#include "cli/caller.h"
#include "cli/options.h"

namespace ticketd::cli {

int run(const RunCommand& command);
int leave(const LeaveCommand& command, Caller& caller);
int drop(const DropCommand& command);
int recover(const RecoverCommand& command);
int next(const NextCommand& command, Caller& caller);
int get(const GetCommand& command, Caller& caller);
int list(const ListCommand& command, Caller& caller);
int status(const StatusCommand& command, Caller& caller);
int remove(const RemoveCommand& command, Caller& caller);
int transfer(const TransferCommand& command, Caller& caller);
int bench(const BenchCommand& command);

/// Parses, runs, and returns the exit code of the process. Throws nothing.
int run_command_line(int argument_count, const char* const* arguments);

}  // namespace ticketd::cli
