// Runs the parser over bytes in pieces and writes down what it says.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "redis/parser.h"

namespace ticketd::redis {

using Words = std::vector<std::string>;

/// Requests as they came; then, when something is wrong, its words after a "!"; or "..." when a
/// request is not whole.
struct Read {
  std::vector<Words> requests;
  std::string end;

  bool operator==(const Read&) const = default;
};

/// In pieces of `size` bytes after a first one of `first`. Requests that are repeated are taken as a
/// connection does, two repeats at a time.
inline Read parse_all(std::string_view bytes, std::size_t first, std::size_t size,
                      const RequestLimits& limits = {}) {
  Parser parser(limits);
  Read read;
  std::size_t piece = first;
  while (!bytes.empty()) {
    // A copy of its own, so that reading beyond a piece is seen by the address sanitizer.
    const std::string_view taken = bytes.substr(0, piece);
    const std::vector<char> copy(taken.begin(), taken.end());
    bytes.remove_prefix(copy.size());
    piece = size;
    std::string_view input(copy.data(), copy.size());
    while (!input.empty()) {
      const Parsed parsed = parser.next(input);
      if (const auto* arguments = std::get_if<Arguments>(&parsed)) {
        ENSURE(!arguments->empty() && !parser.in_request());
        const Words words(arguments->begin(), arguments->end());
        read.requests.insert(read.requests.end(), 1 + parser.take_repeats(input, 2), words);
      } else if (const auto* error = std::get_if<ProtocolError>(&parsed)) {
        read.end = "!" + error->message;
        return read;
      } else {
        ENSURE(input.empty());
      }
    }
    if (bytes.size() % 2 == 0) parser.give_back_memory();  // changes nothing
  }
  read.end = parser.in_request() ? "..." : "";
  return read;
}

inline Read parse_whole(std::string_view bytes, const RequestLimits& limits = {}) {
  return parse_all(bytes, bytes.size(), 1, limits);
}

/// A request as clients write it.
inline std::string written(const Words& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

}  // namespace ticketd::redis
