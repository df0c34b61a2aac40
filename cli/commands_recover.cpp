// recover: founds a new cluster out of what one node still has.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/escaped.h"
#include "server/recovery.h"
#include "server/run.h"
#include "store/directory.h"

namespace ticketd::cli {
namespace {

/// Sequences that the plan names one by one.
constexpr std::size_t kShown = 20;

int fail(const std::string& message) {
  print_error(message);
  return server::kExitError;
}

std::string others(const server::RecoveryPlan& plan) {
  std::string text;
  for (const raft::Member& member : plan.members.members()) {
    if (member.id.node == plan.before.node) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(member.id.node.value) + " (" +
            escaped(member.addresses.peer) + ")";
  }
  return text.empty() ? "none" : text;
}

std::string movement(const ticket::Found& found, std::uint64_t forward) {
  const std::string name = found.sequence.empty() ? "(unnamed)" : escaped(found.sequence);
  return "    " + name + "  " + std::to_string(*found.last) + " -> " +
         std::to_string(*found.last + forward) + "\n";
}

std::string described(const server::RecoveryPlan& plan) {
  std::string text = "Node " + std::to_string(plan.before.node.value) + " has a log up to index " +
                     std::to_string(plan.last_index.value) + " of term " +
                     std::to_string(plan.last_term.value) + ", of which it knows " +
                     std::to_string(plan.commit_index.value) + " committed" +
                     (plan.doubtful ? ", and may have lost what came after.\n" : ".\n");
  text += "Other members: " + others(plan) + ".\n\n";
  text += "recover makes it the only member of a new cluster. Nothing of the others is used: those\n"
          "that wait to be admitted anew join by themselves, any other must be stopped and join with\n"
          "`ticketd join ... --force`. Numbers that only they know of come a second time if they are\n"
          "more than --forward (" +
          std::to_string(plan.forward) + ") ahead, so recover the node with the greatest term and\n"
          "index. All of its log counts as given, and ";
  text += plan.sequences.empty() ? "there is no sequence to move.\n"
                                 : "every sequence moves forward, " +
                                       std::to_string(plan.sequences.size()) + " in all:\n";
  const std::size_t shown = std::min(kShown, plan.sequences.size());
  for (std::size_t i = 0; i < shown; ++i) text += movement(plan.sequences[i], plan.forward);
  if (plan.sequences.size() > shown) {
    text += "    ... and " + std::to_string(plan.sequences.size() - shown) + " more\n";
  }
  return text;
}

bool agreed() {
  std::cerr << "\nGo ahead? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

int recover_disk(store::LmdbDisk& disk, const RecoverCommand& command) {
  const Result<server::RecoveryPlan> plan = server::plan_recovery(disk, command.forward);
  if (!plan) {
    return fail(plan.error().message);
  }
  print_note(described(*plan));
  if (!command.yes) {
    if (::isatty(STDIN_FILENO) == 0) {
      return fail("nothing was changed: say --yes to go ahead");
    }
    if (!agreed()) {
      return fail("nothing was changed");
    }
  }
  if (Status recovered = server::recover(disk, *plan); !recovered) {
    return fail("nothing was changed: " + recovered.error().message);
  }
  const Status printed =
      print_result("recovered: start the node; it is a cluster of one, which the others may join\n");
  return printed ? server::kExitOk : fail(printed.error().message);
}

}  // namespace

int recover(const RecoverCommand& command) {
  const std::string& path = command.directory.path;
  if (!store::holds_data(path)) {
    return fail("No database available in '" + path + "': there is nothing to recover");
  }
  Result<std::optional<store::DirectoryLock>> lock = store::DirectoryLock::acquire(path, false);
  if (!lock) {
    return fail(lock.error().message);
  }
  if (!*lock) {
    return fail("the node in '" + path + "' runs: stop it first");
  }
  store::DiskOptions options;
  options.path = path;
  options.map_bytes = command.directory.map_bytes;
  // Nothing is asked of the disk that would be answered later.
  const auto no_loop = [](const std::function<void()>&) {};
  auto disk = store::LmdbDisk::open(std::move(**lock), options, no_loop);
  if (!disk) {
    return fail(disk.error().message);
  }
  const int code = recover_disk(**disk, command);
  (*disk)->close();
  return code;
}

}  // namespace ticketd::cli
