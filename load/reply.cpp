#include "load/reply.h"

namespace ticketd::load {

Parsed parse_reply(const Work& work, std::string_view input, Reply& reply) {
  reply = {};
  const Parsed parsed = work.protocol == Protocol::kHttp ? parse_http_reply(work, input, reply)
                                                         : parse_redis_reply(work, input, reply);
  const bool too_long = parsed == Parsed::kNeedMore && input.size() >= kReplyBytesMax;
  return too_long ? Parsed::kMalformed : parsed;
}

}  // namespace ticketd::load
