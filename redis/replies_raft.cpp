#include "base/check.h"
#include "redis/replies.h"

namespace ticketd::redis {

namespace {

void reply_configuration(const NodeView& view, ReplyWriter& reply) {
  reply.array(view.members.size());
  for (const Member& member : view.members) {
    reply.array(6);
    reply.bulk("id");
    reply.bulk(std::to_string(member.id.node));
    reply.bulk("address");
    reply.bulk(member.peer);
    reply.bulk("suffrage");
    reply.bulk(member.voter ? "Voter" : "Nonvoter");
  }
}

void reply_stats(const NodeView& view, ReplyWriter& reply) {
  reply.array(2 * view.stats.size());
  for (const auto& [name, value] : view.stats) {
    reply.bulk(name);
    reply.bulk(value);
  }
}

}  // namespace

void reply_raft(Verb verb, const NodeView& view, ReplyWriter& reply) {
  switch (verb) {
    case Verb::kRaftLeader: {
      const Member* leader = view.leading();
      return reply.simple(leader != nullptr ? leader->peer : "");
    }
    case Verb::kRaftStats:
      return reply_stats(view, reply);
    case Verb::kRaftLastContact:
      return reply.simple(view.stats.at("last_contact"));
    case Verb::kRaftConfiguration:
      return reply_configuration(view, reply);
    default:
      UNREACHABLE("a command that is not of RAFT's views");
  }
}

void reply_outcome(const Outcome& outcome, ReplyWriter& reply) {
  switch (outcome.kind) {
    case Outcome::Kind::kDone:
      return reply.ok();
    case Outcome::Kind::kRefused:
      return reply.error("ERR " + outcome.message);
    case Outcome::Kind::kBusy:
      return reply.error("TRYAGAIN " + outcome.message);
    case Outcome::Kind::kNoLeader:
      break;
    case Outcome::Kind::kUnknown:
      return reply.error("UNKNOWN outcome unknown: " + outcome.message);
  }
  UNREACHABLE("an outcome without a reply");
}

}  // namespace ticketd::redis
