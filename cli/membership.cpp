#include "cli/membership.h"

#include <optional>

namespace ticketd::cli {

using Code = net::ErrorReply::Code;

std::string node_name(raft::NodeId node) { return "node " + std::to_string(node.value); }

std::string list_members(const raft::Configuration& configuration) {
  std::string list;
  for (const raft::Member& member : configuration.members()) {
    list += (list.empty() ? "" : ", ") + std::to_string(member.id.node.value) + " (" +
            member.addresses.peer + (member.voter ? ")" : ", learner)");
  }
  return list;
}

Result<raft::Configuration> read_members(Caller& caller, const Addresses& contacts) {
  Result<net::MembersReply> reply =
      expect<net::MembersReply>(caller.call_leader(contacts, net::MembersCall{}));
  if (!reply) {
    return reply.error();
  }
  return std::move(reply->configuration.configuration);
}

namespace {

/// Was it certainly not done, and will asking again not help?
bool refused_for_good(const Result<net::Reply>& reply) {
  if (!reply) {
    return false;
  }
  const auto* error = std::get_if<net::ErrorReply>(&*reply);
  return error != nullptr && error->code != Code::kUnknown;
}

}  // namespace

Status remove_member(Caller& caller, const Addresses& contacts, raft::MemberId member) {
  const Result<net::Reply> reply =
      caller.call_leader(contacts, net::RemoveCall{member.node, member.incarnation});
  const Result<net::DoneReply> done = expect<net::DoneReply>(reply);
  // The answer may have been lost, or somebody else may have been faster: what counts is who is in.
  const bool one_look = refused_for_good(reply);
  std::string last;
  while (true) {
    const Result<raft::Configuration> members = read_members(caller, contacts);
    if (members && members->find(member) == nullptr) {
      return {};
    }
    last = members ? node_name(member.node) + " is still a member" : members.error().message;
    if (one_look || caller.is_over()) {
      break;
    }
    caller.pause(kBetweenLooks);
  }
  if (!done) {
    return done.error();
  }
  return Error{"the removal of " + node_name(member.node) + " is not confirmed: " + last +
               "; run the same command again"};
}

Result<std::string> transfer_leadership(Caller& caller, const Addresses& contacts,
                                        const raft::Member& target) {
  const Result<net::Reply> reply = caller.call_leader(contacts, net::TransferCall{target.id.node});
  const Result<net::DoneReply> done = expect<net::DoneReply>(reply);
  const bool one_look = refused_for_good(reply);
  Result<net::StatusReply> status = Error{"not asked yet"};
  while (true) {
    status = expect<net::StatusReply>(caller.call(target.addresses.peer, net::StatusCall{}, 2));
    if (status && status->self == target.id && status->role == raft::Role::kLeader) {
      return node_name(target.id.node) + " leads in term " + std::to_string(status->term.value);
    }
    if (!status || one_look || caller.is_over()) {
      break;
    }
    caller.pause(kBetweenLooks);
  }
  if (!done) {
    return done.error();
  }
  if (!status) {
    // Out of our reach, but not out of the old leader's.
    return done->message;
  }
  return Error{node_name(target.id.node) + " does not lead (the old leader said: " + done->message +
               "); `ticketd status` shows who does"};
}

}  // namespace ticketd::cli
