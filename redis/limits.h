// What a client may send.
#pragma once

#include <cstddef>

namespace ticketd::redis {

/// Of one request.
struct RequestLimits {
  std::size_t arguments = 64;
  std::size_t argument_bytes = 16 * 1024;
  /// All of it, with what frames its arguments; an inline request without its line end.
  std::size_t request_bytes = 64 * 1024;
};

}  // namespace ticketd::redis
