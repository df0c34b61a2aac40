// Runs the parser over bytes in pieces and writes down what it says.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "http/parser.h"

namespace ticketd::http {

/// Bodies are kept of requests for "/body...".
inline bool keeps_body(const Request& request) { return request.target.starts_with("/body"); }

/// "POST /x?y host=h keep" or "close", "1.0" with HTTP/1.0, then what other headers and the body
/// say; "continue"; "400 why"; at the end "..." when a request is not whole.
inline std::string describe(const Request& request) {
  static constexpr const char* kNames[] = {"GET",    "HEAD",    "POST", "PUT",
                                           "DELETE", "OPTIONS", "other"};
  return std::string(kNames[static_cast<int>(request.method)]) + " " + std::string(request.target) +
         " host=" + std::string(request.host) + (request.http10 ? " 1.0" : "") +
         (request.persistent ? " keep" : " close") + (request.prefers_json ? " json" : "") +
         (request.form ? "" : " no form") +
         (request.idempotency_keys == 0
              ? ""
              : " " + std::to_string(request.idempotency_keys) + " keys '" +
                    std::string(request.idempotency_key) + "'") +
         (request.body.empty() ? "" : " body '" + std::string(request.body) + "'");
}

/// `with_continue`: also tells ExpectsContinue, which depends on how the bytes are cut.
inline std::vector<std::string> parse_all(std::string_view bytes, std::size_t first_piece,
                                          std::size_t piece, const MessageLimits& limits = {},
                                          bool with_continue = false) {
  Parser parser(limits, keeps_body);
  std::vector<std::string> result;
  std::size_t size = first_piece;
  while (!bytes.empty()) {
    // A copy of its own, so that reading beyond a piece is seen by the address sanitizer.
    const std::vector<char> copy(
        bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(size, bytes.size())));
    bytes.remove_prefix(copy.size());
    size = piece;
    std::string_view input(copy.data(), copy.size());
    while (!input.empty()) {
      const Parsed parsed = parser.next(input);
      if (const auto* request = std::get_if<Request>(&parsed)) {
        result.push_back(describe(*request));
      } else if (const auto* error = std::get_if<RequestError>(&parsed)) {
        result.push_back(std::to_string(static_cast<int>(error->status)) + " " + error->message);
        return result;
      } else if (std::holds_alternative<ExpectsContinue>(parsed)) {
        if (with_continue) {
          result.push_back("continue");
        }
      } else {
        CHECK(input.empty());
      }
    }
    if (bytes.size() % 2 == 0) parser.give_back_memory();  // changes nothing
  }
  if (parser.in_request()) {
    result.push_back("...");
  }
  return result;
}

inline std::vector<std::string> parse_whole(std::string_view bytes, const MessageLimits& limits = {}) {
  return parse_all(bytes, bytes.size(), bytes.size(), limits);
}

/// The same at every cut in two, and byte by byte.
inline void check_every_cut(std::string_view bytes, const std::vector<std::string>& expected,
                            const MessageLimits& limits = {}) {
  CAPTURE(bytes);
  REQUIRE(parse_whole(bytes, limits) == expected);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    CHECK(parse_all(bytes, cut, bytes.size(), limits) == expected);
  }
  CHECK(parse_all(bytes, 1, 1, limits) == expected);
}

}  // namespace ticketd::http
