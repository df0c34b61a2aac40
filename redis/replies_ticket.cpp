#include <variant>

#include "base/check.h"
#include "redis/replies.h"

namespace ticketd::redis {

/// Clients take a redirect for one of that slot alone, though the leader has all of them: with
/// another slot than their key's they would ask the same node again.
std::uint16_t slot_of(const Asked& asked) {
  if (const auto* request = std::get_if<ticket::Request>(&asked.what)) {
    return request->sequence.empty() ? 0 : key_slot(request->sequence);
  }
  if (const auto* query = std::get_if<ticket::Query>(&asked.what)) {
    return key_slot(std::get<ticket::Lookup>(*query).sequences.front());
  }
  return 0;
}

void reply_done(Shape shape, const ticket::Done& done, ReplyWriter& reply) {
  switch (shape) {
    case Shape::kSimple:
      return reply.simple_number(done.first);
    case Shape::kNumber:
      return reply.number(done.first);
    case Shape::kRange:
      reply.array(2);
      reply.number(done.first);
      return reply.number(done.first + (done.count - 1));
    case Shape::kLast:
      break;
  }
  UNREACHABLE("numbers taken, for who asked for the last one");
}

void reply_not_done(const ticket::NotDone& answer, ReplyWriter& reply) {
  using Why = ticket::NotDone::Why;
  switch (answer.why) {
    case Why::kNoLeader:
      break;
    case Why::kBusy:
    case Why::kKeysFull:
      return reply.error("TRYAGAIN " + answer.message);
    case Why::kNoSpace:
      return reply.error("NOSPACE " + answer.message);
    case Why::kOverflow:
    case Why::kBehind:
    case Why::kKeyReused:
    case Why::kForbidden:
      return reply.error("ERR " + answer.message);
  }
  UNREACHABLE("a reason not to do without a reply");
}

void reply_unknown(const ticket::Unknown& answer, ReplyWriter& reply) {
  reply.error("UNKNOWN outcome unknown: " + answer.message +
              ". It may have been done, or still be. Retry with the same IDEMPOTENT token; without "
              "one, asking again takes other numbers.");
}

void reply_found(const ticket::QueryResult& result, ReplyWriter& reply) {
  ENSURE_EQ(result.found.size(), 1);
  const std::optional<std::uint64_t> last = result.found[0].last;
  last ? reply.number(*last) : reply.integer(-1);
}

void reply_elsewhere(const ticket::LeaderView& leader, std::uint16_t slot, ReplyWriter& reply) {
  const auto* there = std::get_if<ticket::LeaderThere>(&leader);
  if (there == nullptr) {
    return reply.error(kNoLeader);
  }
  const auto address = parse_address(there->redis_address);
  if (!address) {
    return reply.error("CLUSTERDOWN The Raft leader runs without --redis_port");
  }
  reply.error("MOVED " + std::to_string(slot) + " " + redirect_address(*address));
}

}  // namespace ticketd::redis
