// status, remove, transfer: commands for the members of a cluster that runs.
#include <algorithm>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/local_node.h"
#include "cli/membership.h"
#include "cli/status_view.h"
#include "server/run.h"

namespace ticketd::cli {
namespace {

int fail(const Error& error) {
  print_error(error.message);
  return server::kExitError;
}

int print(const std::string& text) {
  const Status printed = print_result(text);
  return printed ? server::kExitOk : fail(printed.error());
}

/// What the leader says, when there is one that says that it leads this cluster.
std::optional<net::StatusReply> leader_status(Caller& caller, const net::StatusReply& node) {
  if (node.role == raft::Role::kLeader) {
    return node;
  }
  const auto leader =
      std::find_if(node.members.begin(), node.members.end(),
                   [&](const net::MemberView& view) { return view.member.id == node.leader; });
  if (leader == node.members.end()) {
    return std::nullopt;
  }
  Result<net::StatusReply> reply =
      expect<net::StatusReply>(caller.call(leader->member.addresses.peer, net::StatusCall{}, 1));
  if (!reply || reply->role != raft::Role::kLeader || reply->cluster_id != node.cluster_id) {
    return std::nullopt;
  }
  return *std::move(reply);
}

/// A member, and all that can be asked about it: who is removed may have been the only contact.
struct FoundMember {
  raft::Member member;
  Addresses contacts;
};

/// The member with that id, or an error that lists those there are.
Result<FoundMember> member_of(Caller& caller, const Addresses& contacts, raft::NodeId node) {
  const Result<raft::Configuration> members = read_members(caller, contacts);
  if (!members) {
    return members.error();
  }
  const raft::Member* member = members->find_node(node);
  if (member == nullptr) {
    return Error{node_name(node) + " is not a member; the members are " + list_members(*members)};
  }
  FoundMember found{*member, contacts};
  for (const raft::Member& other : members->members()) {
    const std::string& address = other.addresses.peer;
    if (std::find(contacts.begin(), contacts.end(), address) == contacts.end()) {
      found.contacts.push_back(address);
    }
  }
  return found;
}

}  // namespace

int status(const StatusCommand& command, Caller& caller) {
  const Result<Addresses> contacts = contacts_of(command.target);
  if (!contacts) {
    return fail(contacts.error());
  }
  Result<net::StatusReply> node =
      first_answer<net::StatusReply>(caller, *contacts, net::StatusCall{});
  if (!node) {
    return fail(node.error());
  }
  StatusView view{*std::move(node), std::nullopt};
  view.leader = leader_status(caller, view.node);
  return print(command.json ? status_json(view) : status_text(view));
}

int remove(const RemoveCommand& command, Caller& caller) {
  const Result<Addresses> contacts = contacts_of(command.target);
  if (!contacts) {
    return fail(contacts.error());
  }
  const Result<FoundMember> found = member_of(caller, *contacts, command.node);
  if (!found) {
    return fail(found.error());
  }
  if (Status removed = remove_member(caller, found->contacts, found->member.id); !removed) {
    return fail(removed.error());
  }
  return print(node_name(command.node) + " (" + found->member.addresses.peer +
               ") is removed from the cluster; its data is for `ticketd drop` to destroy\n");
}

int transfer(const TransferCommand& command, Caller& caller) {
  const Result<Addresses> contacts = contacts_of(command.target);
  if (!contacts) {
    return fail(contacts.error());
  }
  const Result<FoundMember> found = member_of(caller, *contacts, command.node);
  if (!found) {
    return fail(found.error());
  }
  if (!found->member.voter) {
    return fail(
        Error{node_name(command.node) + " is a learner and cannot lead before it is promoted"});
  }
  const Result<std::string> done = transfer_leadership(caller, found->contacts, found->member);
  return done ? print(*done + "\n") : fail(done.error());
}

}  // namespace ticketd::cli
