// One request over one connection, blocking.
#pragma once

#include <string>

#include "base/result.h"
#include "net/clock.h"
#include "net/codec.h"

namespace ticketd::net {

struct Outcome {
  /// The reply, or what went wrong in words for a user, with what to do about it.
  Result<Reply> reply;
  /// The request left this process, so that it may have been carried out although there is no
  /// reply.
  bool may_be_done = false;
};

/// Connects to HOST:PORT, greets as a client, asks, and waits for the answer. Requires a call that
/// check() takes.
Outcome ask(const std::string& address, const Call& call, Clock::time_point greet_by,
            Clock::time_point deadline);

}  // namespace ticketd::net
