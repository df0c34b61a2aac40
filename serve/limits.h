// What a server and its connections keep to, whatever their protocol.
#pragma once

#include <chrono>
#include <cstddef>

namespace ticketd::serve {

inline constexpr std::size_t kConnectionsMax = 10'000;

/// Time-outs are kept to within a quarter of the shortest of them, that of idle connections to within
/// half of it, and never better than 5 ms.
struct Limits {
  /// Open at one time. One more is told so and closed.
  std::size_t connections = kConnectionsMax;
  /// Requests of one connection that wait for an answer or for their turn. Then reading pauses.
  std::size_t pipeline = 1024;
  /// Bytes held for one connection: answers not yet taken by the client, and what requests that
  /// wait need for theirs. Then reading pauses.
  std::size_t output_bytes = 256 * 1024;
  /// From a request's first byte to its last. Then it is refused.
  std::chrono::milliseconds request_time{10'000};
  /// Without any request. Then the connection is closed without a word.
  std::chrono::milliseconds idle_time{60'000};
  /// Without the client taking a single byte of an answer that waits. Then the connection is
  /// closed.
  std::chrono::milliseconds stalled_time{10'000};
  /// How long the rest of a client's bytes are read and dropped after the last answer, so that it
  /// sees the answer and not a reset; and how many bytes.
  std::chrono::milliseconds linger_time{2'000};
  std::size_t linger_bytes = 1024 * 1024;
  /// How long a kept connection is still listened to after close(), so that a request which is on
  /// its way is answered, with word that the connection ends, instead of being cut.
  std::chrono::milliseconds parting_time{1'000};
  /// What close() gives to requests under way then.
  std::chrono::milliseconds close_time{5'000};
};

}  // namespace ticketd::serve
