// What an operator may set about the HTTP front end, and the limits it keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/version.h"
#include "serve/limits.h"

namespace ticketd::http {

/// The request line and all header lines together. More is answered with 431.
inline constexpr std::size_t kHeaderBytesMax = 16 * 1024;
/// A request's body, without the framing of chunks. More is answered with 413.
inline constexpr std::size_t kBodyBytesMax = 64 * 1024;
/// What one request may be.
struct MessageLimits {
  std::size_t header_bytes = kHeaderBytesMax;
  std::size_t body_bytes = kBodyBytesMax;
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
  MessageLimits message{};
  serve::Limits limits{};
  /// The Server header: NAME/VERSION, visible ASCII.
  std::string server = "ticketd/" + std::string(version());
};

}  // namespace ticketd::http
