// A libFuzzer target: bytes of a connection through the parser, the router and what is made of a
// request, as a connection would drive them, checking what must hold of any bytes.
//
// The first byte of an input says how the rest is cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"
#include "http/answers.h"
#include "http/operations.h"
#include "http/parser.h"
#include "http/router.h"
#include "http/target.h"

namespace ticketd::http {
namespace {

/// Small, so that the fuzzer meets them.
constexpr MessageLimits kLimits{.header_bytes = 512, .body_bytes = 256};

void check_key(std::string_view key) { ENSURE(key.empty() || ticket::is_key(key)); }

void check_sequence(std::string_view name) {
  ENSURE_LE(name.size(), ticket::kMaxNameBytes);
  ENSURE(is_utf8(name));
}

void check_change(const Route& route, const ticket::Request& request) {
  check_sequence(request.sequence);
  ENSURE(request.sequence.empty() == (route.path == "/"));
  check_key(request.key);
  switch (request.kind) {
    case ticket::Kind::kTake:
      ENSURE(request.value >= 1 && request.value <= ticket::kMaxCount);
      return;
    case ticket::Kind::kAdvance:
      return;
    case ticket::Kind::kRemove:
      ENSURE(request.value == 0 && request.key.empty());
      return;
    case ticket::Kind::kRaiseBeginning:
      UNREACHABLE("no client can ask for a recovery's change");
  }
}

void check_query(const ticket::Query& query) {
  if (const auto* listing = std::get_if<ticket::Listing>(&query)) {
    check_sequence(listing->prefix);
    check_sequence(listing->after);
    ENSURE(listing->limit >= 1 && listing->limit <= ticket::kMaxListed);
    return;
  }
  auto sequences = std::get<ticket::Lookup>(query).sequences;
  ENSURE(!sequences.empty());
  ticket::QueryResult result;
  for (const std::string& name : sequences) {
    check_sequence(name);
    ENSURE(!name.empty());
    result.found.push_back({name, ~std::uint64_t{0}});
  }
  // No answer is longer than was thought before.
  const std::size_t bound = bytes_at_most({.what = query, .shape = Shape::kLookup, .stale = false});
  ENSURE_LE(found(Shape::kLookup, result).body.size(), bound);
  std::sort(sequences.begin(), sequences.end());
  ENSURE(std::adjacent_find(sequences.begin(), sequences.end()) == sequences.end());
}

/// An answer, as text that shows all of it; its own bytes are well-formed.
std::string described(const Response& response) {
  const ResponseWriter writer("fuzz");
  std::string out;
  writer.write(out, response, {.persistent = true});
  const std::size_t head = out.find("\r\n\r\n");
  ENSURE(head != std::string::npos);
  // Nothing of the request came into the headers as a line's end.
  for (std::size_t at = 0; at < head; ++at) {
    const bool line_end = out[at] == '\r' && out[at + 1] == '\n';
    const bool after_return = out[at] == '\n' && out[at - 1] == '\r';
    ENSURE(line_end || after_return || (out[at] >= ' ' && out[at] < 0x7f));
  }
  ENSURE_EQ(out.substr(head + 4), response.body);
  return out;
}

std::string described(const Route& route, const Request& request) {
  auto understood = understand(route, request, true);
  if (const auto* response = std::get_if<Response>(&understood)) {
    ENSURE(response->status == Status::kBadRequest ||
           response->status == Status::kUnsupportedMediaType ||
           route.operation == Operation::kDescribe);
    return described(*response);
  }
  const Asked& asked = std::get<Asked>(understood);
  std::string result(route.path);
  if (const auto* change = std::get_if<ticket::Request>(&asked.what)) {
    check_change(route, *change);
    ENSURE(!asked.stale);
    result += " " + change->sequence + " " + std::to_string(change->value) + " " + change->key;
  } else {
    const ticket::Query& query = std::get<ticket::Query>(asked.what);
    check_query(query);
    if (const auto* lookup = std::get_if<ticket::Lookup>(&query)) {
      for (const std::string& name : lookup->sequences) {
        result += " " + name;
      }
    }
  }
  for (const RedirectMode mode : {RedirectMode::k301, RedirectMode::k307, RedirectMode::k308}) {
    const auto direction = direct(route, request.target, ticket::LeaderThere{"l:1", ""}, mode);
    described(std::get<Response>(direction));
  }
  return result + " " + std::to_string(static_cast<int>(asked.shape)) + (asked.stale ? "!" : ".");
}

/// All that came of one request.
std::string described(const Request& request) {
  ENSURE(request.target.starts_with('/') || request.target == "*");
  ENSURE_LE(request.target.size(), kLimits.header_bytes);
  ENSURE_LE(request.body.size(), kLimits.body_bytes);
  ENSURE(request.body.empty() || wants_body(request));
  std::string result = std::string(request.target) + " " + std::string(request.host) + " " +
                       std::string(request.idempotency_key) + " " + std::string(request.body) +
                       (request.persistent ? " keep" : "") + (request.http10 ? " 1.0 " : " ");
  const auto routed = find_route(kRoutes, request);
  if (const auto* response = std::get_if<Response>(&routed)) {
    return result + described(*response);
  }
  return result + described(*std::get<const Route*>(routed), request);
}

/// What came of these bytes, in pieces of `size`; 0: in one.
std::vector<std::string> read_in_pieces(std::string_view bytes, std::size_t size) {
  Parser parser(kLimits, wants_body);
  std::vector<std::string> result;
  while (!bytes.empty()) {
    // A copy of its own: reading beyond a piece is seen by the address sanitizer, and a view that
    // outlived it, too.
    const std::string_view piece = bytes.substr(0, size == 0 ? bytes.size() : size);
    const std::vector<char> copy(piece.begin(), piece.end());
    bytes.remove_prefix(piece.size());
    std::string_view input(copy.data(), copy.size());
    while (!input.empty()) {
      const std::size_t before = input.size();
      const Parsed parsed = parser.next(input);
      ENSURE_LE(input.size(), before);
      if (const auto* request = std::get_if<Request>(&parsed)) {
        result.push_back(described(*request));
      } else if (const auto* error = std::get_if<RequestError>(&parsed)) {
        described(refused(*error));
        // Which of two faults is seen first may depend on the cut, and so may its words.
        result.push_back("refused");
        return result;
      } else if (std::holds_alternative<NeedMore>(parsed)) {
        ENSURE(input.empty());
      }
    }
  }
  result.push_back(parser.in_request() ? "more" : "end");
  return result;
}

}  // namespace
}  // namespace ticketd::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ticketd::http;
  if (size == 0) {
    return 0;
  }
  const std::string bytes(data + 1, data + size);
  const auto whole = read_in_pieces(bytes, 0);
  ENSURE(read_in_pieces(bytes, 1) == whole);
  ENSURE(read_in_pieces(bytes, 2 + data[0]) == whole);
  return 0;
}
