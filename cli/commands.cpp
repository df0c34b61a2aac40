#include "cli/commands.h"

#include <exception>

#include "base/version.h"
#include "cli/console.h"
#include "server/run.h"

namespace ticketd::cli {
namespace {

int print(std::string_view text) {
  if (Status printed = print_result(text); !printed) {
    print_error(printed.error().message);
    return server::kExitError;
  }
  return server::kExitOk;
}

/// Changes of the membership read it before and after.
std::chrono::milliseconds change_time(std::chrono::milliseconds timeout) { return 2 * timeout; }

struct Runner {
  int operator()(const RunCommand& command) const { return run(command); }
  int operator()(const DropCommand& command) const { return drop(command); }
  int operator()(const RecoverCommand& command) const { return recover(command); }
  int operator()(const BenchCommand& command) const { return bench(command); }
  int operator()(const HelpCommand& command) const { return print(command.text); }
  int operator()(const VersionCommand&) const {
    return print("ticketd " + std::string(version()) + "\n");
  }
  int operator()(const LeaveCommand& command) const {
    PeerCaller caller(change_time(command.timeout));
    return leave(command, caller);
  }
  int operator()(const NextCommand& command) const {
    PeerCaller caller(command.target.timeout);
    return next(command, caller);
  }
  int operator()(const GetCommand& command) const {
    PeerCaller caller(command.target.timeout);
    return get(command, caller);
  }
  int operator()(const ListCommand& command) const {
    PeerCaller caller(command.target.timeout);
    return list(command, caller);
  }
  int operator()(const StatusCommand& command) const {
    PeerCaller caller(command.target.timeout);
    return status(command, caller);
  }
  int operator()(const RemoveCommand& command) const {
    PeerCaller caller(change_time(command.target.timeout));
    return remove(command, caller);
  }
  int operator()(const TransferCommand& command) const {
    PeerCaller caller(change_time(command.target.timeout));
    return transfer(command, caller);
  }
};

}  // namespace

int run_command_line(int argument_count, const char* const* arguments) try {
  set_up_log(false);
  const Result<Invocation> invocation =
      parse_arguments(std::vector<std::string>(arguments + 1, arguments + argument_count));
  if (!invocation) {
    print_error(invocation.error().message);
    print_note("`ticketd --help` shows the commands and options.");
    return server::kExitUsage;
  }
  set_up_log(invocation->debug);
  return std::visit(Runner{}, invocation->command);
} catch (const std::exception& fault) {
  print_error(std::string("unexpected: ") + fault.what());
  return server::kExitError;
}

}  // namespace ticketd::cli
