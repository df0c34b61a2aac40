// A request that arrived whole and was found well-formed, or why it was not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/status.h"

namespace ticketd::http {

/// The methods that a route may name or that are answered in a way of their own.
enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kOptions, kOther };

/// The views last until the parser is asked for what comes next.
struct Request {
  Method method = Method::kOther;
  /// HTTP/1.0, to which a persistent connection must be confirmed.
  bool http10 = false;
  /// The client will send another request on this connection.
  bool persistent = false;
  /// Path and query as sent, beginning with '/', or "*". Visible ASCII without '#'.
  std::string_view target{};
  /// HOST or HOST:PORT as sent, may be empty. Has no control character, space or '/'.
  std::string_view host{};
  /// application/json is preferred to text/plain.
  bool prefers_json = false;
  /// The body is a form, or of no type that was told.
  bool form = true;
  /// The Idempotency-Key headers: how many there are, and the last one's value as sent.
  std::size_t idempotency_keys = 0;
  std::string_view idempotency_key{};
  /// Empty when the parser was not told to keep it.
  std::string_view body{};

  /// The target without its query.
  std::string_view path() const { return target.substr(0, target.find('?')); }
  /// What stands behind the '?', without it.
  std::string_view query() const {
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  }
};

/// Answered with this status and this text; then the connection is closed, because nobody knows
/// where the next request would begin.
struct RequestError {
  Status status = Status::kBadRequest;
  std::string message;
};

}  // namespace ticketd::http
