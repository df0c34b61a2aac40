// Answers of an HTTP server, and what they mean for a ticket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "jepsen/ticket_client.h"

namespace ticketd::jepsen {

struct HttpAnswer {
  int status = 0;
  std::string body;
  /// Where a redirect leads; empty without one.
  std::string location;
  /// The connection ends with this answer.
  bool close = false;
};

/// The answer at the beginning of `bytes`; none when there is more to come. `length` is then how
/// many bytes it has. An error when no answer begins so: only HTTP/1.1 with a Content-Length is
/// known, which is all that ticketd sends.
Result<std::optional<HttpAnswer>> parse_answer(std::string_view bytes, std::size_t& length);

/// The request as sent to a server at `host`, with its headers.
std::string request_text(const Question& question, std::string_view host);

/// The meaning of an answer that is no redirect, by the table of docs/http-api.md.
Reply meaning(const Question& question, const HttpAnswer& answer);

}  // namespace ticketd::jepsen
