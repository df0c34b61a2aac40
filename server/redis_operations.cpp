#include "server/redis_operations.h"

#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include "base/check.h"

namespace ticketd::server {

using redis::Outcome;
using Code = net::ErrorReply::Code;

namespace {

redis::MemberId told(raft::MemberId id) { return {id.node.value, id.incarnation.value}; }

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

/// The status of a replica is answered at once.
net::StatusReply status_of(Replica& replica) {
  std::optional<net::StatusReply> status;
  replica.on_request(net::StatusCall{}, [&status](net::Reply reply) {
    if (auto* told = std::get_if<net::StatusReply>(&reply)) status = std::move(*told);
  });
  return status.value_or(net::StatusReply{});
}

redis::Member told(const net::MemberView& view, const Replica& replica) {
  redis::Member member;
  member.id = told(view.member.id);
  member.voter = view.member.voter;
  member.peer = view.member.addresses.peer;
  member.redis = view.member.addresses.redis;
  if (view.status) member.applied_index = view.status->applied_index.value;
  const bool leads = replica.node().role() == raft::Role::kLeader;
  const raft::Micros patience = replica.options().raft.election_timeout_max;
  member.alive = !leads || (view.last_heard_us && *view.last_heard_us < patience);
  return member;
}

// --- Statistics ----------------------------------------------------------------------------------

std::string state_name(raft::Role role) {
  switch (role) {
    case raft::Role::kFollower:
      return "Follower";
    case raft::Role::kPreCandidate:
    case raft::Role::kCandidate:
      return "Candidate";
    case raft::Role::kLeader:
      return "Leader";
  }
  UNREACHABLE("all roles are named");
}

/// Milliseconds, as a program or a person reads them: "12.345ms"; "0" at the leader.
std::string contact(std::optional<raft::Micros> since) {
  if (!since) return "never";
  if (*since == 0) return "0";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%llu.%03llums",
                static_cast<unsigned long long>(*since / 1000),
                static_cast<unsigned long long>(*since % 1000));
  return text.data();
}

std::string listed(const net::StatusReply& status) {
  std::string text = "[";
  for (const net::MemberView& view : status.members) {
    text += text.size() > 1 ? " {" : "{";
    text += view.member.voter ? "Suffrage:Voter" : "Suffrage:Nonvoter";
    text += " ID:" + std::to_string(view.member.id.node.value) +
            " Address:" + view.member.addresses.peer + "}";
  }
  return text + "]";
}

std::uint64_t other_voters(const net::StatusReply& status) {
  std::uint64_t count = 0;
  for (const net::MemberView& view : status.members) {
    if (view.member.voter && view.member.id != status.self) ++count;
  }
  return count;
}

std::map<std::string, std::string> statistics(Replica& replica, const net::StatusReply& status) {
  const raft::Node& node = replica.node();
  const raft::SnapshotMark snapshot = replica.newest_snapshot();
  std::map<std::string, std::string> stats{
      {"cluster_id", hex(status.cluster_id)},
      {"digest", hex(status.digest)},
      {"last_contact", contact(replica.last_contact())},
      {"latest_configuration", listed(status)},
      {"leader_id", status.leader ? std::to_string(status.leader->node.value) : ""},
      {"state", state_name(status.role)},
      {"version", status.version},
  };
  const std::pair<const char*, std::uint64_t> numbers[] = {
      {"applied_index", status.applied_index.value},
      {"beginning", status.beginning},
      {"checkpoints", status.checkpoints},
      {"commit_index", status.commit_index.value},
      {"compacted_index", status.compacted_index.value},
      {"configuration_index", status.configuration_index.value},
      {"free_bytes", status.free_bytes},
      {"id", status.self.node.value},
      {"idempotency_keys", status.keys},
      {"incarnation", status.self.incarnation.value},
      {"journal_flushes", status.journal_flushes},
      {"last_log_index", status.last_index.value},
      {"last_log_term", node.last_term().value},
      {"last_snapshot_index", snapshot.index.value},
      {"last_snapshot_term", snapshot.term.value},
      {"latest_configuration_index", node.configuration().index.value},
      {"map_bytes", status.map_bytes},
      {"num_peers", other_voters(status)},
      {"sequences", status.sequences},
      {"snapshots_installed", status.snapshots_installed},
      {"snapshots_made", status.snapshots_made},
      {"space_low", status.space_low ? 1u : 0u},
      {"term", status.term.value},
      {"used_bytes", status.used_bytes},
  };
  for (const auto& [name, value] : numbers) stats.emplace(name, std::to_string(value));
  return stats;
}

// --- Outcomes ------------------------------------------------------------------------------------

Outcome told(const net::Reply& reply) {
  if (std::holds_alternative<net::DoneReply>(reply)) return {};
  const auto* error = std::get_if<net::ErrorReply>(&reply);
  if (error == nullptr) return {Outcome::Kind::kUnknown, "an answer of another kind"};
  switch (error->code) {
    case Code::kNotLeader:
    case Code::kNoLeader:
      return {Outcome::Kind::kNoLeader, error->message};
    case Code::kBusy:
      return {Outcome::Kind::kBusy, error->message};
    case Code::kUnknown:
      return {Outcome::Kind::kUnknown, error->message};
    default:
      return {Outcome::Kind::kRefused, error->message};
  }
}

net::Responder answering(redis::Operations::Done done) {
  return [done = std::move(done)](const net::Reply& reply) { done(told(reply)); };
}

}  // namespace

redis::NodeView RedisOperations::view() {
  const net::StatusReply status = status_of(replica_);
  redis::NodeView view;
  view.cluster_id = status.cluster_id;
  view.term = status.term.value;
  view.self = told(status.self);
  if (const auto leader = replica_.present_leader()) view.leader = told(*leader);
  for (const net::MemberView& member : status.members) {
    view.members.push_back(told(member, replica_));
  }
  view.stats = statistics(replica_, status);
  return view;
}

void RedisOperations::add_voter(redis::AddVoter call, Done done) {
  const raft::Index expected(call.previous_index);
  if (const auto refusal = replica_.outdated(expected)) return done(told(*refusal));
  replica_.await_voter(raft::NodeId(call.node), call.address, answering(std::move(done)));
}

void RedisOperations::remove_server(redis::RemoveServer call, Done done) {
  replica_.remove_server(raft::NodeId(call.node), call.address, raft::Index(call.previous_index),
                         answering(std::move(done)));
}

void RedisOperations::make_snapshot(Done done) {
  replica_.make_snapshot(answering(std::move(done)));
}

}  // namespace ticketd::server
