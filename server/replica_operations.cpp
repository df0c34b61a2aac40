// What operators ask of a replica besides what comes on the peer port.
#include <string>
#include <utility>

#include "server/replica.h"

namespace ticketd::server {

using Code = net::ErrorReply::Code;

std::optional<raft::MemberId> Replica::present_leader() {
  if (node_.role() == raft::Role::kLeader) return options_.raft.self;
  const auto leader = known_leader();
  return leader ? std::optional(leader->id) : std::nullopt;
}

std::optional<raft::Micros> Replica::last_contact() {
  if (node_.role() == raft::Role::kLeader) return 0;
  const raft::Time heard = node_.leader_heard_at();
  if (heard == no_leader_heard_) return std::nullopt;
  return loop_.now() - heard;
}

/// Answers that it is too late if nobody has answered within a request's time.
net::Responder Replica::answer_in_time(net::Responder respond, std::string late) {
  const auto answered = std::make_shared<bool>(false);
  net::Responder once = [answered, respond = std::move(respond)](net::Reply reply) {
    if (!std::exchange(*answered, true)) respond(std::move(reply));
  };
  wait_for([answered] { return *answered; }, options_.request_timeout,
           [once, late = std::move(late)] {
             once(net::ErrorReply{Code::kBusy, late, {}});
           });
  return once;
}

void Replica::await_voter(raft::NodeId node, const std::string& address, net::Responder respond) {
  if (closed_ || ended_) return respond(net::ErrorReply{Code::kNoLeader, "this node stops", {}});
  if (auto refusal = not_leading()) return respond(*refusal);
  if (too_many_wait(respond)) return;
  const raft::Member* waiting = node_.configuration().configuration.find_node(node);
  if (waiting == nullptr || members_.addresses(*waiting).peer != address) {
    return respond(net::ErrorReply{Code::kRefused,
                                   "no node waits at " + address +
                                       "; start it with: ticketd join " + options_.addresses.peer +
                                       " --id " + std::to_string(node.value),
                                   {}});
  }
  const auto done = answer_in_time(std::move(respond), "the node has not caught up yet; ask again");
  wait_for(
      [this, done, id = waiting->id] {
        const raft::Member* member = node_.committed_configuration().configuration.find(id);
        if (member == nullptr || !member->voter) return false;
        done(net::DoneReply{"node " + std::to_string(id.node.value) + " is a voter"});
        return true;
      },
      options_.request_timeout, [] {});
}

std::optional<net::ErrorReply> Replica::outdated(raft::Index expected) const {
  const raft::Index newest = node_.configuration().index;
  if (expected == raft::Index(0) || expected == newest) return std::nullopt;
  return net::ErrorReply{Code::kRefused,
                         "configuration changed since " + std::to_string(expected.value) +
                             " (latest is " + std::to_string(newest.value) + ")",
                         {}};
}

void Replica::remove_server(raft::NodeId node, const std::string& address, raft::Index expected,
                            net::Responder respond) {
  if (closed_ || ended_) return respond(net::ErrorReply{Code::kNoLeader, "this node stops", {}});
  if (auto refusal = not_leading()) return respond(*refusal);
  if (auto refusal = outdated(expected)) return respond(*refusal);
  const raft::Member* member = node_.configuration().configuration.find_node(node);
  if (member == nullptr) return respond(refused(raft::Refusal::kNoSuchMember, node));
  const std::string& shown = members_.addresses(*member).peer;
  if (!address.empty() && shown != address) {
    return respond(net::ErrorReply{
        Code::kRefused,
        "member " + std::to_string(node.value) + " is at " + shown + ", not at " + address,
        {}});
  }
  begin_removal(*member, expected, std::move(respond));
  schedule_turn();
}

void Replica::make_snapshot(net::Responder respond) {
  if (closed_ || ended_) return respond(net::ErrorReply{Code::kNoLeader, "this node stops", {}});
  if (too_many_wait(respond)) return;
  const auto done = answer_in_time(std::move(respond), "the snapshot is not there yet");
  disk_.make_snapshot([done, this, alive = alive_](const Result<bool>& made) {
    if (!*alive || closed_) return;
    if (!made) {
      done(net::ErrorReply{Code::kRefused, "no snapshot was made: " + made.error().message, {}});
    } else if (!*made) {
      done(net::ErrorReply{Code::kRefused, "nothing new to snapshot", {}});
    } else {
      done(net::DoneReply{"a snapshot was made"});
    }
  });
}

}  // namespace ticketd::server
