// leave: out of the cluster first, then the data.
//
// The order is the point. While the cluster counts this node as a member, its data holds votes and
// acknowledged entries that the cluster rests on; so nothing is destroyed before a linearizable
// read has shown a configuration without it, and whatever fails before that leaves everything as it
// was.
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/local_node.h"
#include "cli/membership.h"
#include "cli/stored_identity.h"
#include "server/run.h"

namespace ticketd::cli {
namespace {

/// How long a process may take to end after its removal, besides the time for what is asked of the
/// cluster: it hands over, finishes requests, and takes a last checkpoint.
constexpr int kLooksAtLock = 800;
constexpr std::chrono::milliseconds kBetweenLooksAtLock{25};

/// The node that is to leave.
struct Leaver {
  raft::MemberId self;
  /// What other clusters say of their members does not count.
  std::uint64_t cluster_id = 0;
  /// Those who may know the leader: the other members, and the node itself while it runs.
  Addresses contacts;
  /// Where the node itself is reached; empty: it is stopped.
  std::string running_at;
};

std::string drop_advice(const std::string& path) { return "`ticketd drop --path " + path + "`"; }

Error last_voter(raft::NodeId node, const std::string& path) {
  return Error{
      node_name(node) +
      " is the last voter, and without it the cluster ends. If that is what you want, stop "
      "the node and run " +
      drop_advice(path)};
}

/// Two nodes may have been told to advertise one address; whoever answers there need not be the one
/// that is to leave.
Status check_answering(const net::StatusReply& node, const std::string& address,
                       const std::string& path) {
  const Result<store::Identity> own = read_identity(path);
  if (!own) {
    return own.error();
  }
  if (node.cluster_id == own->cluster_id && node.self.node == own->node &&
      node.self.incarnation == own->incarnation) {
    return {};
  }
  return Error{"the data in '" + path + "' is that of " + node_name(own->node) + ", and at " +
               address + ", where it should be reached, " + node_name(node.self.node) +
               (node.cluster_id == own->cluster_id ? "" : " of another cluster") +
               " answers. Nothing was changed. Do two nodes have one --advertise and --raft-port? "
               "Stop the one that is to leave; a stopped node can leave as well"};
}

Result<Leaver> running_leaver(const store::Holder& holder, const std::string& path,
                              Caller& caller) {
  const std::string process = "process " + std::to_string(holder.pid);
  if (holder.peer_address.empty()) {
    return Error{process + " is only just starting here; wait until it serves, or stop it"};
  }
  const Result<net::StatusReply> node =
      expect<net::StatusReply>(caller.call(holder.peer_address, net::StatusCall{}, 2));
  if (!node) {
    return Error{process + " runs here and does not answer: " + node.error().message +
                 ". Nothing was changed. If it still waits for its admission, stop it; a stopped "
                 "node can leave as well"};
  }
  if (Status same = check_answering(*node, holder.peer_address, path); !same) {
    return same.error();
  }
  Leaver leaver{node->self, node->cluster_id, {}, holder.peer_address};
  for (const net::MemberView& view : node->members) {
    if (view.member.id.node != node->self.node) {
      leaver.contacts.push_back(view.member.addresses.peer);
    }
  }
  leaver.contacts.push_back(holder.peer_address);
  return leaver;
}

Result<Leaver> stopped_leaver(const StoredNode& stored, const std::string& path) {
  if (!stored.identity || stored.identity->incarnation.value == 0) {
    return Error{"the node in '" + path +
                 "' was never told that a cluster admitted it. If `ticketd status` of a member "
                 "lists it all the same, `ticketd remove ID` there; then " +
                 drop_advice(path)};
  }
  const raft::MemberId self{stored.identity->node, stored.identity->incarnation};
  if (stored.others.empty()) {
    return last_voter(self.node, path);
  }
  return Leaver{self, stored.identity->cluster_id, stored.others, {}};
}

Result<Leaver> find_leaver(const LeaveCommand& command, Caller& caller) {
  const std::string& path = command.directory.path;
  // Twice: a node may start between the look at the lock and the attempt to take it.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (const auto holder = running_node(path, command.timeout)) {
      return running_leaver(*holder, path, caller);
    }
    if (!store::holds_data(path)) {
      return Error{"No database available in '" + path + "': there is no node to leave with"};
    }
    const Result<std::optional<StoredNode>> stored = read_stored_node(command.directory);
    if (!stored) {
      return stored.error();
    }
    if (*stored) {
      return stopped_leaver(**stored, path);
    }
  }
  return Error{"the data directory '" + path + "' is in use; try again"};
}

/// Has the running process end with 0 when it is removed, instead of as one that was thrown out.
/// Without the mark it ends too, so a failure here is no reason to stop.
void announce_leaving(const Leaver& leaver, Caller& caller) {
  if (leaver.running_at.empty()) {
    return;
  }
  const auto marked = expect<net::DoneReply>(caller.call(leaver.running_at, net::LeaveCall{}, 2));
  if (!marked) {
    print_note("the running node was not told (" + marked.error().message +
               "); it will end with exit code 3");
  }
}

/// Out of the configuration, or an error that has left the data alone.
Status leave_cluster(const Leaver& leaver, const std::string& path, Caller& caller) {
  const Result<raft::Configuration> members = read_members(caller, leaver.contacts);
  if (!members) {
    return Error{"the leader cannot be reached, and nothing was changed: " +
                 members.error().message};
  }
  const raft::Member* self = members->find(leaver.self);
  if (self == nullptr) {
    print_note(node_name(leaver.self.node) + " is no longer a member of its cluster");
    announce_leaving(leaver, caller);
    return {};
  }
  if (self->voter && members->voter_count() == 1) {
    return last_voter(leaver.self.node, path);
  }
  announce_leaving(leaver, caller);
  if (Status removed = remove_member(caller, leaver.contacts, leaver.self); !removed) {
    return Error{removed.error().message + ". No data was destroyed"};
  }
  return {};
}

/// Under the lock: meanwhile somebody may have begun a new node in the directory.
Status destroy_locked(store::DirectoryLock lock, const Leaver& leaver) {
  const Result<store::Identity> identity = read_identity(lock.path());
  if (!identity) {
    return identity.error();
  }
  const raft::MemberId owner{identity->node, identity->incarnation};
  if (owner != leaver.self || identity->cluster_id != leaver.cluster_id) {
    return Error{"it is the data of another node by now, " + node_name(owner.node) +
                 ", incarnation " + std::to_string(owner.incarnation.value)};
  }
  return store::destroy(std::move(lock));
}

/// Waits for the process of a removed node to end, then destroys what it leaves.
Status destroy_data(const LeaveCommand& command, const Leaver& leaver, Caller& caller) {
  const std::string& path = command.directory.path;
  for (int look = 0; look < kLooksAtLock; ++look) {
    if (!store::holds_data(path)) {
      return {};
    }
    Result<std::optional<store::DirectoryLock>> lock = store::DirectoryLock::acquire(path, false);
    if (!lock) {
      return lock.error();
    }
    if (*lock) {
      return destroy_locked(std::move(**lock), leaver);
    }
    caller.pause(kBetweenLooksAtLock);
  }
  const auto holder = store::DirectoryLock::holder(path);
  return Error{"process " + (holder ? std::to_string(holder->pid) : std::string("(unknown)")) +
               " still runs there: stop it, then " + drop_advice(path)};
}

}  // namespace

int leave(const LeaveCommand& command, Caller& caller) {
  const std::string& path = command.directory.path;
  const Result<Leaver> leaver = find_leaver(command, caller);
  if (!leaver) {
    print_error(leaver.error().message);
    return server::kExitError;
  }
  caller.expect_cluster(leaver->cluster_id);
  if (Status left = leave_cluster(*leaver, path, caller); !left) {
    print_error(left.error().message);
    return server::kExitError;
  }
  const std::string name = node_name(leaver->self.node);
  if (Status destroyed = destroy_data(command, *leaver, caller); !destroyed) {
    print_error(name + " has left its cluster, but its data in '" + path +
                "' is not destroyed: " + destroyed.error().message);
    return server::kExitError;
  }
  const Status printed =
      print_result(name + " has left its cluster, and its data in '" + path + "' is destroyed\n");
  return printed ? server::kExitOk : server::kExitError;
}

}  // namespace ticketd::cli
