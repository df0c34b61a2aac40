// What an operator may set about the HTTP front end, and the limits it keeps.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/version.h"

namespace ticketd::http {

/// The request line and all header lines together. More is answered with 431.
inline constexpr std::size_t kHeaderBytesMax = 16 * 1024;
/// A request's body, without the framing of chunks. More is answered with 413.
inline constexpr std::size_t kBodyBytesMax = 64 * 1024;
/// Open connections. One more is answered with 503 and closed.
inline constexpr std::size_t kConnectionsMax = 10'000;
/// Requests of one connection that wait for an answer or for their turn. Then reading pauses.
inline constexpr std::size_t kPipelineMax = 1024;
/// Bytes held for one connection: answers not yet taken by the client, and what requests that wait
/// need for theirs. Then reading pauses.
inline constexpr std::size_t kOutputBytesMax = 256 * 1024;
/// From a request's first byte to its last. Longer is answered with 408.
inline constexpr std::chrono::milliseconds kRequestTime{10'000};
/// Without any request. Then the connection is closed without a word.
inline constexpr std::chrono::milliseconds kIdleTime{60'000};
/// Without the client taking a single byte of an answer that waits. Then the connection is closed.
inline constexpr std::chrono::milliseconds kStalledTime{10'000};
/// How long the rest of a client's bytes are read and dropped after the last answer, so that it
/// sees the answer and not a reset; and how many bytes.
inline constexpr std::chrono::milliseconds kLingerTime{2'000};
inline constexpr std::size_t kLingerBytesMax = 1024 * 1024;
/// How long a kept connection is still listened to after close(), so that a request which is on its
/// way is answered, with word that the connection ends, instead of being cut.
inline constexpr std::chrono::milliseconds kPartingTime{1'000};
/// What close() gives to requests under way then.
inline constexpr std::chrono::milliseconds kCloseTime{5'000};

/// Time-outs are kept to within a quarter of the shortest of them, and never better than 5 ms.
struct Limits {
  std::size_t header_bytes = kHeaderBytesMax;
  std::size_t body_bytes = kBodyBytesMax;
  std::size_t connections = kConnectionsMax;
  std::size_t pipeline = kPipelineMax;
  std::size_t output_bytes = kOutputBytesMax;
  std::size_t linger_bytes = kLingerBytesMax;
  std::chrono::milliseconds request_time = kRequestTime;
  std::chrono::milliseconds idle_time = kIdleTime;
  std::chrono::milliseconds stalled_time = kStalledTime;
  std::chrono::milliseconds linger_time = kLingerTime;
  std::chrono::milliseconds parting_time = kPartingTime;
  std::chrono::milliseconds close_time = kCloseTime;
};

/// What a node that is not the leader does. A GET that is not proxied is redirected with 307
/// whatever the mode, and other methods than POST are by k301.
enum class RedirectMode {
  k301,
  k307,
  k308,
  /// Has the leader do it and answers itself.
  kProxy,
};

struct Options {
  /// An address or a name that resolves to one.
  std::string host = "127.0.0.1";
  /// 0: any free port.
  std::uint16_t port = 0;
  /// For what is asked of "/".
  RedirectMode redirect = RedirectMode::k301;
  /// For what is asked under "/seq".
  RedirectMode redirect_sequences = RedirectMode::kProxy;
  /// DELETE /seq/KEY works here; the leader may still refuse it.
  bool allow_delete = false;
  Limits limits{};
  /// The Server header: NAME/VERSION, visible ASCII.
  std::string server = "ticketd/" + std::string(version());
};

}  // namespace ticketd::http
