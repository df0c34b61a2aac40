// What a connection knows besides its requests.
#pragma once

#include <cstdint>
#include <string>

#include "redis/operations.h"
#include "redis/options.h"
#include "redis/reply.h"

namespace ticketd::redis {

/// What a client has said of itself.
struct Session {
  std::uint64_t id = 0;
  Protocol protocol = Protocol::kResp2;
  /// Empty: none.
  std::string name;
  std::string library;
  std::string library_version;
};

/// Since the server was opened.
struct Counters {
  std::uint64_t connections = 0;
  std::uint64_t commands = 0;
};

/// What stands behind the replies that need no service.
struct Surroundings {
  Operations& operations;
  const Options& options;
  const Counters& counters;
  /// Open now.
  std::size_t connections = 0;
  std::uint16_t port = 0;
  std::uint64_t uptime_s = 0;
};

}  // namespace ticketd::redis
