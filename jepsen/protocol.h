// How requests and answers are written: what HTTP and the Redis protocol differ in for a client.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"
#include "jepsen/ticket_client.h"

namespace ticketd::jepsen {

/// What a node says to one question.
struct Answer {
  Reply reply;
  /// Where it leads instead, as HOST:PORT: then nothing was done, and `reply` says nothing.
  std::optional<std::string> redirect;
  /// The connection ends with it.
  bool close = false;
};

struct Protocol {
  /// As it is sent to that node.
  std::string (*request)(const Question& question, const Address& node);
  /// The answer to the question at the beginning of `bytes`, and how many of them it has; none when
  /// there is more to come. An error when no answer begins so.
  Result<std::optional<Answer>> (*answer)(const Question& question, std::string_view bytes,
                                          std::size_t& length);
  /// What the requests of one connection do, they do in their order.
  bool keeps_order;
};

/// docs/http-api.md and docs/redis-api.md.
extern const Protocol kHttp, kRedis;

}  // namespace ticketd::jepsen
