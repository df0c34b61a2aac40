// Answers, and their bytes.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "http/status.h"

namespace ticketd::http {

enum class ContentType : std::uint8_t { kText, kJson };

struct Response {
  Status status = Status::kOk;
  /// Instead of the usual reason phrase; a literal.
  std::string_view reason{};
  /// May be empty.
  std::string body{};
  ContentType type = ContentType::kText;
  /// The headers of these names, when not empty. No control characters.
  std::string location{};
  std::string allow{};
  /// Retry-After: 1. Nothing was done and a moment later it may work.
  bool retry = false;
  /// Cache-Control: no-store.
  bool no_store = false;
  /// Idempotency-Replayed: true.
  bool replayed = false;
  /// Ticketd-Applied-Index.
  std::optional<std::uint64_t> applied_index{};
};

/// What an answer owes to its request.
struct Framing {
  /// Persistence must be confirmed to HTTP/1.0.
  bool http10 = false;
  /// The connection goes on after this answer.
  bool persistent = false;
  /// To a HEAD request: the headers of the body, without the body.
  bool without_body = false;
};

/// Interim answer to `Expect: 100-continue`.
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

/// Writes answers, always as HTTP/1.1 and with an exact Content-Length.
class ResponseWriter {
 public:
  /// `server` goes into the Server header as it is.
  explicit ResponseWriter(std::string_view server);

  /// The time for the Date header, in seconds since 1970 (UTC). Costs nothing within one second.
  void set_time(std::time_t now);

  /// 200 with the number as its body.
  void write_ticket(std::string& out, std::uint64_t number, Framing framing) const;
  void write(std::string& out, const Response& response, Framing framing) const;

 private:
  std::string server_;
  std::time_t time_ = -1;
  /// "Server: ...\r\nDate: ...\r\n"
  std::string common_;
};

}  // namespace ticketd::http
