// drop: destroys the data and tells nobody.
#include <unistd.h>

#include <iostream>
#include <string>

#include "cli/commands.h"
#include "cli/console.h"
#include "server/run.h"
#include "store/directory.h"

namespace ticketd::cli {
namespace {

bool agreed(const std::string& path) {
  std::cerr << "Destroy all data of the node in '" << path
            << "'? Its cluster, if it lives, goes on counting it as a member.\n"
               "`ticketd leave` removes it there first. Destroy? [y/N] "
            << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

std::string running(const std::string& path) {
  const auto holder = store::DirectoryLock::holder(path);
  return "the node in '" + path + "' runs" +
         (holder ? " (pid " + std::to_string(holder->pid) + ")" : "") +
         ": stop it first, or have it leave its cluster with `ticketd leave`";
}

int fail(const std::string& message) {
  print_error(message);
  return server::kExitError;
}

}  // namespace

int drop(const DropCommand& command) {
  const std::string& path = command.path;
  if (store::DirectoryLock::holder(path)) {
    return fail(running(path));
  }
  if (!store::holds_data(path)) {
    return fail("No database available in '" + path + "': there is nothing to drop");
  }
  if (!command.yes) {
    if (::isatty(STDIN_FILENO) == 0) {
      return fail("drop destroys the data in '" + path + "': say --yes to go ahead");
    }
    if (!agreed(path)) {
      return fail("nothing was destroyed");
    }
  }
  Result<std::optional<store::DirectoryLock>> lock = store::DirectoryLock::acquire(path, false);
  if (!lock) {
    return fail(lock.error().message);
  }
  if (!*lock) {
    return fail(running(path));
  }
  if (Status destroyed = store::destroy(std::move(**lock)); !destroyed) {
    return fail("'" + path + "' is not destroyed: " + destroyed.error().message);
  }
  const Status printed = print_result("the data in '" + path + "' is destroyed\n");
  return printed ? server::kExitOk : fail(printed.error().message);
}

}  // namespace ticketd::cli
