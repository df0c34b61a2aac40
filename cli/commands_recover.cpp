// recover: founds a new cluster out of what one node still has.
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/escaped.h"
#include "net/client.h"
#include "server/recovery.h"
#include "server/run.h"
#include "store/directory.h"

namespace ticketd::cli {
namespace {

/// Sequences that the plan names one by one.
constexpr std::size_t kShown = 20;
/// For a look whether the others go on without this node.
constexpr std::chrono::seconds kLookAround{2};

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

/// Has the cluster a majority without this node? Then it would give its numbers beside the new one.
bool goes_on_elsewhere(const server::RecoveryPlan& plan) {
  std::vector<std::string> addresses;
  for (const raft::Member& member : plan.members.members()) {
    if (member.id.node != plan.before.node) addresses.push_back(member.addresses.peer);
  }
  if (addresses.empty()) return false;
  net::Client client(kLookAround);
  client.expect_cluster(plan.before.cluster_id);
  const Result<net::Reply> reply = client.call_leader(addresses, net::MembersCall{});
  return reply.ok() && std::holds_alternative<net::MembersReply>(*reply);
}

bool is_used_up(std::uint64_t last) { return last == std::numeric_limits<std::uint64_t>::max(); }

std::string movement(const ticket::Found& found, const server::RecoveryPlan& plan) {
  const std::string name = found.sequence.empty() ? "(unnamed)" : escaped(found.sequence);
  const std::uint64_t moved = plan.moved(*found.last);
  return "    " + name + "  " + std::to_string(*found.last) + " -> " + std::to_string(moved) +
         (is_used_up(moved) ? ", no number is left\n" : "\n");
}

/// The first `kShown` of those that are used up then, or of the others.
std::string movements(const server::RecoveryPlan& plan, bool used_up) {
  std::string text;
  std::size_t count = 0;
  for (const ticket::Found& found : plan.sequences) {
    if (is_used_up(plan.moved(*found.last)) == used_up && ++count <= kShown) {
      text += movement(found, plan);
    }
  }
  if (count > kShown) text += "    ... and " + std::to_string(count - kShown) + " more\n";
  return text;
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
          "index. Named sequences that it does not know, whose first numbers may have been lost, will\n"
          "begin at " +
          std::to_string(plan.beginning) +
          ", and so will brand-new ones, which look the same. All of its log counts\n"
          "as given, and every sequence that it knows moves forward, " +
          std::to_string(plan.sequences.size()) + " in all:\n";
  text += movements(plan, false);
  if (const std::string used_up = movements(plan, true); !used_up.empty()) {
    text += "Too close to the last number, 2^64 - 1, to move as far:\n" + used_up;
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
  if (goes_on_elsewhere(*plan)) {
    return fail("nothing was changed: the other members have a leader and go on, and would give the "
                "same numbers as a new cluster. Start this node: they take it back by themselves");
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
