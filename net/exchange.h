// One request over one connection, blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/clock.h"
#include "net/codec.h"
#include "net/sockets.h"

namespace ticketd::net {

struct Outcome {
  /// The reply, or what went wrong in words for a user, with what to do about it.
  Result<Reply> reply;
  /// The request left this process, so that it may have been carried out although there is no
  /// reply.
  bool may_be_done = false;
};

/// Connects to HOST:PORT, greets as a client, asks, and waits for the answer. A node of another
/// cluster than `cluster_id` is not asked. Requires a call that check() takes.
Outcome ask(const std::string& address, const Call& call, std::optional<std::uint64_t> cluster_id,
            Clock::time_point greet_by, Clock::time_point deadline);

/// The same where the addresses of `name` are known: asks the first that greets. Each is given its
/// share of the time that is left until `greet_by`, so that a dead one costs no more than that.
Outcome ask(const std::string& name, const Endpoints& endpoints, const Call& call,
            std::optional<std::uint64_t> cluster_id, Clock::time_point greet_by,
            Clock::time_point deadline);

}  // namespace ticketd::net
