// What is asked of a replica on the peer port: by the command line, by joiners, by members that
// forward.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/address.h"
#include "base/check.h"
#include "server/replica.h"
#include "server/translate.h"

namespace ticketd::server {

using Code = net::ErrorReply::Code;

namespace {

/// From the word that a node is to leave until its removal.
constexpr raft::Micros kLeavePatience = 120'000'000;

std::string number(raft::NodeId node) { return std::to_string(node.value); }

net::ErrorReply error(Code code, std::string message) { return {code, std::move(message), {}}; }

/// The request's own words for what is wrong with it, empty when nothing is.
std::string fault_of(const net::JoinCall& call, const raft::Configuration& configuration) {
  if (!parse_address(call.addresses.peer)) return "the joiner's peer address is not HOST:PORT";
  if (!call.addresses.http.empty() && !parse_address(call.addresses.http)) {
    return "the joiner's HTTP address is not HOST:PORT";
  }
  if (!call.addresses.redis.empty() && !parse_address(call.addresses.redis)) {
    return "the joiner's Redis address is not HOST:PORT";
  }
  if (call.command_version < ticket::kCommandVersion) {
    return "the joiner's ticketd is older than this cluster's; start it with the version that the "
           "members run";
  }
  for (const raft::Member& member : configuration.members()) {
    if (member.addresses.peer == call.addresses.peer && member.id.node != call.node) {
      return "the peer address " + call.addresses.peer + " belongs to member " +
             number(member.id.node) + "; give the joiner another --raft_port or --advertise";
    }
  }
  return {};
}

}  // namespace

void Replica::on_request(net::Call call, net::Responder respond) {
  if (closed_ || ended_) return respond(error(Code::kNoLeader, "this node stops"));
  std::visit([&](const auto& typed) { answer(typed, std::move(respond)); }, call);
  schedule_turn();
}

std::optional<net::ErrorReply> Replica::not_leading() {
  if (node_.role() == raft::Role::kLeader) return std::nullopt;
  if (const auto leader = known_leader()) {
    return net::ErrorReply{Code::kNotLeader, "member " + number(leader->id.node) + " leads",
                           leader->addresses.peer};
  }
  return error(Code::kNoLeader, "no leader is known");
}

net::ErrorReply Replica::refused(raft::Refusal refusal, raft::NodeId node) {
  switch (refusal) {
    case raft::Refusal::kNotLeader:
      return not_leading().value_or(error(Code::kNoLeader, "no leader is known"));
    case raft::Refusal::kTransferring:
      return error(Code::kBusy, "leadership is being handed over; ask again");
    case raft::Refusal::kBusy:
      return error(Code::kBusy, "too much is waiting to be committed; ask again");
    case raft::Refusal::kNotReady:
      return error(Code::kBusy, "the leader is not ready yet; ask again");
    case raft::Refusal::kChangePending:
      return error(Code::kBusy, "another change of the membership is under way; ask again");
    case raft::Refusal::kNoSuchMember:
      return error(Code::kRefused, "no member with id " + number(node) +
                                       " can do that; `ticketd status` lists the members");
    case raft::Refusal::kIdInUse:
      return error(Code::kRefused,
                   "id " + number(node) +
                       " is in use by a member, alive or silent; choose another --id, or, when "
                       "that member's data is lost for good, join with --replace");
    case raft::Refusal::kNoLiveQuorum:
      return error(Code::kRefused,
                   "the changed membership would have no majority of members that can be reached "
                   "now; bring the silent members back first (`ticketd status` shows them)");
    case raft::Refusal::kLastVoter:
      return error(Code::kRefused,
                   "the last voter cannot leave; to end the cluster stop the node and run "
                   "`ticketd drop`");
    case raft::Refusal::kTooManyMembers:
      return error(Code::kRefused, "the cluster is full; remove a member first");
  }
  UNREACHABLE("all refusals are named");
}

bool Replica::too_many_wait(const net::Responder& respond) {
  if (waits_.size() < kMaxWaits) return false;
  respond(error(Code::kBusy, "too many changes are asked for at once; ask again"));
  return true;
}

void Replica::wait_for(std::function<bool()> attempt, raft::Micros patience,
                       std::function<void()> expired) {
  waits_.push_back({std::move(attempt), loop_.now() + patience, std::move(expired)});
  schedule_turn();
}

// --- Tickets -------------------------------------------------------------------------------------

void Replica::answer(const net::ChangeCall& call, net::Responder respond) {
  if (auto refusal = not_leading()) return respond(*refusal);
  const raft::Micros patience = std::min<raft::Micros>(call.timeout_us, change_patience());
  enqueue({call.kind, call.sequence, call.value, call.key, 1}, patience,
          [respond = std::move(respond)](const ticket::Answer& answer) {
            respond(to_reply(answer));
          });
}

void Replica::answer(const net::QueryCall& call, net::Responder respond) {
  const auto done = [respond](const ticket::QueryAnswer& answer) { respond(to_reply(answer)); };
  if (call.stale) return read_stale(call.query, done);
  if (auto refusal = not_leading()) return respond(*refusal);
  add_query(call.query, std::min<raft::Micros>(call.timeout_us, change_patience()), done);
}

// --- Views ---------------------------------------------------------------------------------------

net::MemberView Replica::view_of(const raft::Member& member,
                                 const std::vector<raft::FollowerStatus>& followers) {
  net::MemberView view;
  view.member = member;
  view.member.addresses = members_.addresses(member);
  if (const net::MemberStatus* status = members_.status(member.id)) view.status = *status;
  const auto follower = std::find_if(followers.begin(), followers.end(),
                                     [&](const auto& known) { return known.id == member.id; });
  if (follower != followers.end()) {
    view.match_index = follower->match_index;
    view.last_heard_us = follower->last_heard;
  }
  return view;
}

void Replica::answer(const net::StatusCall&, net::Responder respond) {
  const store::SpaceReport space = disk_.space();
  const store::DiskCounters counters = disk_.counters();
  const ticket::Summary& summary = machine_.summary();
  net::StatusReply reply;
  reply.cluster_id = options_.cluster_id;
  reply.self = options_.raft.self;
  reply.role = node_.role();
  reply.term = node_.current_term();
  reply.leader = node_.leader();
  reply.commit_index = node_.commit_index();
  reply.applied_index = summary.applied_index;
  reply.last_index = node_.last_index();
  reply.compacted_index = node_.compacted_mark().index;
  reply.configuration_index = node_.committed_configuration().index;
  reply.digest = summary.digest;
  reply.sequences = summary.sequences;
  reply.keys = summary.keys();
  reply.beginning = summary.beginning;
  reply.map_bytes = space.map_bytes;
  reply.used_bytes = space.used_bytes;
  reply.free_bytes = space.free_bytes;
  reply.space_low = space.low || space.full;
  reply.journal_flushes = counters.journal_flushes;
  reply.checkpoints = counters.checkpoints;
  reply.checkpoint_bytes = counters.checkpoint_bytes;
  reply.last_checkpoint_bytes = counters.last_checkpoint_bytes;
  reply.snapshots_made = counters.snapshots_made;
  reply.snapshots_installed = counters.snapshots_installed;
  reply.version = options_.version;
  const auto followers = node_.followers(loop_.now());
  for (const raft::Member& member : node_.configuration().configuration.members()) {
    reply.members.push_back(view_of(member, followers));
    if (member.id != options_.raft.self) continue;
    net::MemberView& own = reply.members.back();
    own.match_index = node_.last_index();
    own.last_heard_us = 0;
    own.status = own_status();
  }
  respond(reply);
}

void Replica::answer(const net::MembersCall&, net::Responder respond) {
  if (auto refusal = not_leading()) return respond(*refusal);
  if (too_many_wait(respond)) return;
  if (too_many_reads()) return respond(error(Code::kBusy, "too many reads are waiting; ask again"));
  const auto read = node_.read(loop_.now());
  if (!read) return respond(refused(read.refusal(), options_.raft.self.node));
  const auto answered = std::make_shared<bool>(false);
  const auto once = [answered, respond = std::move(respond)](net::Reply reply) {
    if (!std::exchange(*answered, true)) respond(std::move(reply));
  };
  reads_.emplace(*read, [this, once](bool confirmed) {
    if (!confirmed) return once(error(Code::kNoLeader, "leadership was lost; ask again"));
    once(net::MembersReply{node_.committed_configuration()});
  });
  wait_for([answered] { return *answered; }, options_.request_timeout,
           [once] { once(error(Code::kBusy, "the read was not confirmed in time; ask again")); });
}

// --- Membership ----------------------------------------------------------------------------------

void Replica::answer(const net::JoinCall& call, net::Responder respond) {
  if (auto refusal = not_leading()) return respond(*refusal);
  if (too_many_wait(respond)) return;
  const std::string fault = fault_of(call, node_.configuration().configuration);
  if (!fault.empty()) return respond(error(Code::kRefused, fault));
  raft::Member joiner;
  joiner.id.node = call.node;
  joiner.promote = true;
  joiner.join_token = call.join_token;
  joiner.addresses = call.addresses;
  const auto admitted = node_.add_learner(loop_.now(), joiner, call.replace);
  if (!admitted) return respond(refused(admitted.refusal(), call.node));
  const raft::MemberId id = admitted->id;
  spdlog::info("node {} joins as a learner, incarnation {}", id.node.value, id.incarnation.value);
  // It may have moved since it was admitted.
  members_.announced(id, call.addresses, node_.configuration().index);
  wait_for(
      [this, respond, id] {
        const raft::ConfigurationAt& committed = node_.committed_configuration();
        if (committed.configuration.find(id) == nullptr) return false;
        respond(net::JoinReply{options_.cluster_id, id, committed});
        return true;
      },
      options_.request_timeout,
      [respond] { respond(error(Code::kUnknown, "the admission is not confirmed; ask again")); });
}

void Replica::answer(const net::RemoveCall& call, net::Responder respond) {
  if (auto refusal = not_leading()) return respond(*refusal);
  const raft::Configuration& configuration = node_.configuration().configuration;
  const raft::Member* member = call.incarnation
                                   ? configuration.find({call.node, *call.incarnation})
                                   : configuration.find_node(call.node);
  if (member == nullptr) {
    return respond(refused(raft::Refusal::kNoSuchMember, call.node));
  }
  begin_removal(*member, raft::Index(0), std::move(respond));
}

void Replica::begin_removal(const raft::Member& member, raft::Index expected,
                            net::Responder respond) {
  if (too_many_wait(respond)) return;
  const raft::Configuration& configuration = node_.configuration().configuration;
  if (member.id == options_.raft.self && configuration.voter_count() > 1) {
    // The asker comes back, and is sent to the new leader.
    return hand_over(std::nullopt, std::move(respond), true);
  }
  if (member.voter && configuration.voter_count() == 1) {
    return respond(refused(raft::Refusal::kLastVoter, member.id.node));
  }
  // A member that died a moment ago still counts as heard: wait for signs of life that are newer
  // than the request, or the change might leave a configuration without a live majority.
  const raft::Configuration next = configuration.without(member.id);
  wait_for(
      [this, respond, next, id = member.id, expected, asked = loop_.now()] {
        const bool in_vain = node_.role() != raft::Role::kLeader || outdated(expected);
        if (!in_vain && !heard_majority_since(next, asked)) return false;
        remove(id, expected, respond);
        return true;
      },
      options_.raft.election_timeout_max,
      [this, respond, node = member.id.node] {
        respond(refused(raft::Refusal::kNoLiveQuorum, node));
      });
}

bool Replica::heard_majority_since(const raft::Configuration& next, raft::Time since) {
  const raft::Time now = loop_.now();
  std::size_t heard = next.is_voter(options_.raft.self) ? 1 : 0;
  for (const raft::FollowerStatus& follower : node_.followers(now)) {
    const bool voter = next.is_voter(follower.id);
    if (voter && follower.last_heard && *follower.last_heard < now - since) ++heard;
  }
  return heard >= next.quorum_size();
}

void Replica::remove(raft::MemberId member, raft::Index expected, net::Responder respond) {
  if (auto refusal = not_leading()) return respond(*refusal);
  // Another change may have come while signs of life were waited for.
  if (auto refusal = outdated(expected)) return respond(*refusal);
  if (in_flight_.room() == 0) {
    return respond(error(Code::kBusy, "too much is waiting to be committed; ask again"));
  }
  const auto proposed = node_.remove(loop_.now(), member);
  if (!proposed) return respond(refused(proposed.refusal(), member.node));
  spdlog::info("node {} is being removed", member.node.value);
  schedule_turn();
  in_flight_.add(*proposed, loop_.now() + options_.request_timeout,
                 [respond = std::move(respond), node = member.node](Fate fate) {
                   if (fate == Fate::kApplied) {
                     return respond(net::DoneReply{"node " + number(node) + " was removed"});
                   }
                   respond(error(fate == Fate::kLost ? Code::kNoLeader : Code::kUnknown,
                                 "leadership was lost before the removal was confirmed"));
                 });
}

void Replica::answer(const net::TransferCall& call, net::Responder respond) {
  if (auto refusal = not_leading()) return respond(*refusal);
  if (too_many_wait(respond)) return;
  std::optional<raft::MemberId> target;
  if (call.target) {
    const raft::Member* member = node_.configuration().configuration.find_node(*call.target);
    if (member == nullptr) return respond(refused(raft::Refusal::kNoSuchMember, *call.target));
    if (member->id == options_.raft.self) {
      return respond(net::DoneReply{"node " + number(*call.target) + " leads already"});
    }
    target = member->id;
  }
  hand_over(target, std::move(respond), false);
}

void Replica::hand_over(std::optional<raft::MemberId> target, net::Responder respond,
                        bool then_ask_again) {
  const auto chosen = node_.transfer_leadership(loop_.now(), target);
  if (!chosen) {
    return respond(
        refused(chosen.refusal(), target ? target->node : options_.raft.self.node));
  }
  if (then_ask_again) {
    return respond(error(Code::kBusy, "this node leads and hands over first; ask again"));
  }
  wait_for(
      [this, respond] {
        const auto leader = node_.leader();
        if (node_.role() == raft::Role::kLeader || !leader) return false;
        respond(net::DoneReply{"node " + number(leader->node) + " leads now"});
        return true;
      },
      2 * options_.raft.election_timeout_max,
      [respond, node = chosen->node] {
        respond(error(Code::kBusy, "node " + number(node) +
                                       " did not take over in time; is it alive and caught up?"));
      });
}

void Replica::answer(const net::LeaveCall&, net::Responder respond) {
  // Not for ever: the removal may be refused, and a later one by somebody else is a surprise again.
  leaving_until_ = loop_.now() + kLeavePatience;
  respond(net::DoneReply{"this node ends when the cluster has removed it"});
}

std::string Replica::progress() const {
  const auto leader = node_.leader();
  if (!leader) return "waiting for the leader to connect";
  if (node_.configuration().configuration.is_voter(options_.raft.self)) {
    return "waiting for the promotion to a voter to be committed";
  }
  return "waiting to be promoted to a voter: at index " + std::to_string(node_.last_index().value) +
         ", the leader has committed " + std::to_string(node_.commit_index().value);
}

}  // namespace ticketd::server
