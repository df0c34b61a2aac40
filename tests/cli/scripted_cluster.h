// A cluster that does what a test says, behind the seam through which commands speak.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/caller.h"

namespace ticketd::cli {

inline raft::Member voter(std::uint64_t node, std::uint64_t incarnation) {
  raft::Member member;
  member.id = {raft::NodeId(node), raft::Incarnation(incarnation)};
  member.voter = true;
  member.addresses.peer = "127.0.0.1:" + std::to_string(9000 + node);
  return member;
}

class ScriptedCluster : public Caller {
 public:
  explicit ScriptedCluster(std::vector<raft::Member> members) : members_(std::move(members)) {}

  /// Every call in order, as "members", "remove 2.3", "leave 127.0.0.1:9002", ...
  std::vector<std::string> calls;
  /// Whom calls to the leader were allowed to ask, last.
  std::vector<std::string> contacts;
  int pauses = 0;

  // The script.
  bool leader_reachable = true;
  /// Is a removal carried out?
  bool removes = true;
  /// Is this said in place of an answer to the removal?
  std::optional<Result<net::Reply>> removal_answer;
  std::optional<net::Reply> change_answer;
  /// Of all changes asked for.
  std::vector<net::ChangeCall> changes;
  /// Answers queries; of all that were asked.
  std::function<net::Reply(const ticket::Query&)> query_answer;
  std::vector<net::QueryCall> queries;
  std::optional<net::Reply> transfer_answer;
  std::optional<raft::NodeId> leader;
  std::function<void()> on_removed = [] {};
  std::function<void()> on_pause = [] {};
  /// The time is used up after so many pauses.
  int pauses_until_over = 20;
  int renewals = 0;
  /// Who answers at an address, if not the member that has it.
  std::optional<net::StatusReply> impostor;

  void expect_cluster(std::uint64_t cluster_id) override { expected_cluster = cluster_id; }
  std::optional<std::uint64_t> expected_cluster;

  Result<net::Reply> call(const std::string& address, const net::Call& call, std::size_t) override {
    if (const auto* query = std::get_if<net::QueryCall>(&call)) {
      calls.push_back("query " + address);
      queries.push_back(*query);
      if (members_.members().empty() || address != members_.members().back().addresses.peer) {
        return Error{"no node answers at " + address};
      }
      return query_answer(query->query);
    }
    if (std::holds_alternative<net::LeaveCall>(call)) {
      calls.push_back("leave " + address);
      return net::Reply(net::DoneReply{"marked"});
    }
    calls.push_back("status " + address);
    if (impostor) return net::Reply(*impostor);
    for (const raft::Member& member : members_.members()) {
      if (member.addresses.peer == address) return net::Reply(status_of(member));
    }
    return Error{"no node answers at " + address};
  }

  Result<net::Reply> call_leader(const std::vector<std::string>& addresses,
                                 const net::Call& call) override {
    contacts = addresses;
    if (const auto* remove = std::get_if<net::RemoveCall>(&call)) return removal(*remove);
    calls.push_back(name_of(call));
    if (!leader_reachable) return Error{"no leader answered within 5000 ms"};
    if (const auto* change = std::get_if<net::ChangeCall>(&call)) {
      changes.push_back(*change);
      return *change_answer;
    }
    if (const auto* query = std::get_if<net::QueryCall>(&call)) {
      queries.push_back(*query);
      return query_answer(query->query);
    }
    if (const auto* transfer = std::get_if<net::TransferCall>(&call)) {
      if (!transfer_answer) leader = transfer->target;
      return transfer_answer.value_or(net::Reply(net::DoneReply{"done"}));
    }
    return net::Reply(net::MembersReply{{raft::Index(9), members_}});
  }

  void pause(std::chrono::milliseconds) override {
    ++pauses;
    on_pause();
  }
  bool is_over() const override { return pauses >= pauses_until_over; }
  void renew() override { ++renewals; }

 private:
  static std::string name_of(const net::Call& call) {
    if (std::holds_alternative<net::MembersCall>(call)) return "members";
    if (std::holds_alternative<net::ChangeCall>(call)) return "change";
    if (std::holds_alternative<net::QueryCall>(call)) return "query";
    return std::holds_alternative<net::TransferCall>(call) ? "transfer" : "other";
  }

  Result<net::Reply> removal(const net::RemoveCall& call) {
    calls.push_back("remove " + std::to_string(call.node.value) + "." +
                    std::to_string(call.incarnation.value_or(raft::Incarnation(0)).value));
    if (removes) {
      members_ = members_.without({call.node, *call.incarnation});
      on_removed();
    }
    return removal_answer.value_or(net::Reply(net::DoneReply{"removed"}));
  }

  net::StatusReply status_of(const raft::Member& member) const {
    net::StatusReply reply;
    reply.cluster_id = 0xabc;
    reply.self = member.id;
    const bool leads = leader == member.id.node;
    reply.role = leads ? raft::Role::kLeader : raft::Role::kFollower;
    reply.term = raft::Term(7);
    for (const raft::Member& other : members_.members()) {
      if (leader == other.id.node) reply.leader = other.id;
      reply.members.push_back({other, std::nullopt, std::nullopt, std::nullopt});
    }
    return reply;
  }

  raft::Configuration members_;
};

}  // namespace ticketd::cli
