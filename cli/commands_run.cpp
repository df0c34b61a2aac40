// start, join, and rejoin: the commands that run a node.
#include <signal.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <optional>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/pid_file.h"
#include "server/run.h"
#include "store/directory.h"

namespace ticketd::cli {
namespace {

int fail(const Error& error) {
  print_error(error.message);
  return server::kExitError;
}

/// In the process that serves. The pid file is there before anybody hears that the node serves, and
/// gone when the node is. Without it the node does not serve: whoever asked for it would take the
/// node for stopped.
int run_here(const RunCommand& command, std::optional<PidFile> pid_file,
             const std::function<void()>& tell) {
  if (pid_file) {
    if (Status written = pid_file->write(); !written) {
      return fail(written.error());
    }
  }
  bool published = true;
  const int code = server::run_node(command.node, command.begin, [&] {
    if (pid_file) {
      if (Status placed = pid_file->publish(); !placed) {
        spdlog::error("{}; the node stops", placed.error().message);
        published = false;
        ::raise(SIGTERM);  // an end in good order
        return;
      }
    }
    tell();
  });
  return published ? code : server::kExitError;
}

/// A node that cannot run says so where it was called; nothing is made for it on the disk.
bool has_nothing_to_run(const RunCommand& command) {
  return command.begin.how == server::Begin::How::kRejoin && !store::holds_data(command.node.path);
}

}  // namespace

int run(const RunCommand& command) {
  std::optional<PidFile> pid_file;
  if (!command.pid_file.empty()) {
    Result<PidFile> reserved = PidFile::reserve(command.pid_file);
    if (!reserved) {
      return fail(reserved.error());
    }
    pid_file.emplace(*std::move(reserved));
  }
  if (!command.daemonize || has_nothing_to_run(command)) {
    return run_here(command, std::move(pid_file), [] {});
  }
  const std::string& path = command.node.path;
  std::error_code fault;
  std::filesystem::create_directories(path, fault);
  if (fault) {
    return fail(Error{"cannot create the data directory '" + path + "': " + fault.message()});
  }
  const Result<int> code =
      run_in_background(path + "/ticketd.log", [&](const std::function<void()>& serving) {
        return run_here(command, std::move(pid_file), serving);
      });
  return code ? *code : fail(code.error());
}

}  // namespace ticketd::cli
