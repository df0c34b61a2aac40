// What an operator may set about the Redis front end, and the limits it keeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/version.h"
#include "redis/limits.h"
#include "serve/limits.h"

namespace ticketd::redis {

/// Clients of this protocol keep connections in pools, and are surprised by an end.
inline constexpr std::chrono::milliseconds kIdleTime{600'000};

/// There is no word for "this is the last answer", so a kept connection is not heard on at the end.
inline serve::Limits default_limits() {
  return {.idle_time = kIdleTime, .parting_time = std::chrono::milliseconds(0)};
}

struct Options {
  /// An address or a name that resolves to one.
  std::string host = "127.0.0.1";
  /// 0: any free port.
  std::uint16_t port = 0;
  /// Clients that do not come from this machine may change the cluster, too.
  bool remote_admin = false;
  RequestLimits request{};
  serve::Limits limits = default_limits();
  std::string version{ticketd::version()};
};

}  // namespace ticketd::redis
