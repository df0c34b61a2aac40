// Replies of a Redis server, and what they mean for a ticket.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jepsen/protocol.h"
#include "jepsen/ticket_client.h"

namespace ticketd::jepsen {

struct RedisReply {
  /// As in RESP2: + a simple string, - an error, : an integer, $ a bulk string, * an array.
  char type = '+';
  /// An integer's digits, too; empty for an array.
  std::string text;
  std::vector<RedisReply> elements;
};

/// The reply at the beginning of `bytes`; none when there is more to come. `length` is then how
/// many bytes it has. An error when no reply begins so: arrays within arrays, and what is null, are
/// not known, since no reply to a ticket has them.
Result<std::optional<RedisReply>> parse_reply(std::string_view bytes, std::size_t& length);

/// The command as an array of bulk strings.
std::string redis_request(const Question& question);

/// The meaning of a reply, by the tables of docs/redis-api.md.
Answer meaning(const Question& question, const RedisReply& reply);

}  // namespace ticketd::jepsen
