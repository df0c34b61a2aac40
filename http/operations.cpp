#include "http/operations.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/check.h"
#include "http/answers.h"
#include "http/openapi.h"
#include "http/target.h"

namespace ticketd::http {

namespace {

/// JSON writes a byte as six at most: \u0000.
constexpr std::size_t kEscapedBytes = 6;
/// Beside each name in an answer: punctuation, words and a number.
constexpr std::size_t kFoundBytes = 48;

template <class T>
using Judged = std::variant<T, Response>;

/// Of a parameter that may be given once: its value, decoded, or none.
Result<std::optional<std::string>> single(std::string_view query, std::string_view name) {
  std::optional<std::string> value;
  while (const auto parameter = take_parameter(query)) {
    if (!parameter->is(name)) {
      continue;
    }
    if (value) {
      return Error{std::string(name) + " is given more than once"};
    }
    auto decoded = percent_decoded(parameter->value, Plus::kSpace);
    if (!decoded) {
      return Error{std::string(name) + " " + decoded.error().message};
    }
    value = std::move(*decoded);
  }
  return value;
}

/// The same of a whole number between limits; `otherwise` when it is not given.
Result<std::uint64_t> single_number(std::string_view query, std::string_view name,
                                    std::uint64_t most, std::uint64_t otherwise) {
  const auto value = single(query, name);
  if (!value) {
    return value.error();
  }
  if (!*value) {
    return otherwise;
  }
  const std::optional<std::uint64_t> given = number(**value);
  if (!given || *given < 1 || *given > most) {
    return Error{std::string(name) + " must be a whole number from 1 to " + std::to_string(most)};
  }
  return *given;
}

Result<std::string> key_of(std::string_view text, Plus plus) {
  auto key = percent_decoded(text, plus);
  if (!key) {
    return Error{"the key " + key.error().message};
  }
  if (auto judged = ticket::judge_name(*key); !judged) {
    return judged.error();
  }
  return key;
}

/// The sequence of a route: empty for the unnamed one.
Result<std::string> sequence_of(const Route& route, const Request& request) {
  const std::string_view segment = key_segment(route, request.path());
  return segment.empty() ? Result<std::string>(std::string()) : key_of(segment, Plus::kPlus);
}

Result<std::string> idempotency_key_of(const Request& request) {
  if (request.idempotency_keys > 1) {
    return Error{"Idempotency-Key is given more than once"};
  }
  if (request.idempotency_keys == 1 && !ticket::is_key(request.idempotency_key)) {
    return Error{"Idempotency-Key must be 1 to " + std::to_string(ticket::kMaxKeyBytes) +
                 " visible ASCII characters"};
  }
  return std::string(request.idempotency_key);
}

Result<bool> is_stale(std::string_view query) {
  const auto consistency = single(query, "consistency");
  if (!consistency) {
    return consistency.error();
  }
  if (!*consistency || **consistency == "linearizable") {
    return false;
  }
  if (**consistency == "stale") {
    return true;
  }
  return Error{"consistency must be linearizable (which it is without it) or stale"};
}

/// The number in a body, with white space around it.
Result<std::uint64_t> number_in(std::string_view body) {
  static constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t begin = std::min(body.find_first_not_of(kSpace), body.size());
  body = body.substr(begin, body.find_last_not_of(kSpace) + 1 - begin);
  if (body.empty()) {
    return Error{"the body is empty: it must be the number that shall be the last one given"};
  }
  if (const auto given = number(body)) {
    return *given;
  }
  const bool digits = body.find_first_not_of("0123456789") == std::string_view::npos;
  return Error{std::string("the body is ") + (digits ? "too large a number" : "no decimal number") +
               ": it must be one from 0 to 18446744073709551615"};
}

Judged<Asked> take(const Route& route, const Request& request) {
  auto sequence = sequence_of(route, request);
  if (!sequence) return bad_request(sequence.error());
  const auto count = single_number(request.query(), "count", ticket::kMaxCount, 0);
  if (!count) return bad_request(count.error());
  auto key = idempotency_key_of(request);
  if (!key) return bad_request(key.error());
  const Shape shape = request.prefers_json ? Shape::kTicketJson
                      : *count > 0         ? Shape::kRange
                                           : Shape::kNumber;
  return Asked{.what = ticket::Request{.kind = ticket::Kind::kTake,
                                       .sequence = std::move(*sequence),
                                       .value = std::max<std::uint64_t>(*count, 1),
                                       .key = std::move(*key)},
               .shape = shape};
}

Judged<Asked> advance(const Route& route, const Request& request) {
  auto sequence = sequence_of(route, request);
  if (!sequence) return bad_request(sequence.error());
  auto key = idempotency_key_of(request);
  if (!key) return bad_request(key.error());
  const auto last = number_in(request.body);
  if (!last) return bad_request(last.error());
  return Asked{.what = ticket::Request{.kind = ticket::Kind::kAdvance,
                                       .sequence = std::move(*sequence),
                                       .value = *last,
                                       .key = std::move(*key)}};
}

Judged<Asked> remove(const Route& route, const Request& request, bool allow_delete) {
  auto sequence = sequence_of(route, request);
  if (!sequence) return bad_request(sequence.error());
  if (!allow_delete) return delete_forbidden();
  return Asked{.what = ticket::Request{.kind = ticket::Kind::kRemove,
                                       .sequence = std::move(*sequence),
                                       .value = 0,
                                       .key = {}},
               .shape = Shape::kRemoved};
}

Judged<Asked> read(const Route& route, const Request& request) {
  auto sequence = sequence_of(route, request);
  if (!sequence) return bad_request(sequence.error());
  const auto stale = is_stale(request.query());
  if (!stale) return bad_request(stale.error());
  return Asked{.what = ticket::Query(ticket::Lookup{{std::move(*sequence)}}),
               .shape = Shape::kLast,
               .stale = *stale};
}

/// The keys in their order, each once.
Result<std::vector<std::string>> keys_in(std::string_view fields) {
  std::vector<std::string> keys;
  std::set<std::string> seen;
  std::size_t bytes = 0;
  while (const auto field = take_parameter(fields)) {
    if (!field->is("key")) {
      continue;
    }
    auto key = key_of(field->value, Plus::kSpace);
    if (!key) {
      return key.error();
    }
    if (seen.insert(*key).second) {
      bytes += key->size();
      keys.push_back(std::move(*key));
    }
  }
  if (keys.size() > ticket::kMaxLookupNames) {
    return Error{"these are " + std::to_string(keys.size()) + " keys: one lookup takes " +
                 std::to_string(ticket::kMaxLookupNames)};
  }
  if (bytes > ticket::kMaxLookupBytes) {
    return Error{"the keys have " + std::to_string(bytes) + " bytes together: they may have " +
                 std::to_string(ticket::kMaxLookupBytes)};
  }
  return keys;
}

Judged<Asked> lookup(const Request& request) {
  if (!request.body.empty() && !request.form) {
    return not_a_form();
  }
  std::string fields(request.query());
  fields.append("&").append(request.body);
  auto keys = keys_in(fields);
  if (!keys) return bad_request(keys.error());
  if (keys->empty()) return empty_lookup();
  const auto stale = is_stale(fields);
  if (!stale) return bad_request(stale.error());
  return Asked{.what = ticket::Query(ticket::Lookup{std::move(*keys)}),
               .shape = Shape::kLookup,
               .stale = *stale};
}

/// The beginning of names, or a name to go on behind: may be empty.
Result<std::string> name_part(std::string_view query, std::string_view parameter) {
  auto value = single(query, parameter);
  if (!value) {
    return value.error();
  }
  std::string part = std::move(*value).value_or(std::string());
  if (part.size() > ticket::kMaxNameBytes) {
    return Error{std::string(parameter) + " has " + std::to_string(part.size()) +
                 " bytes: it may have " + std::to_string(ticket::kMaxNameBytes)};
  }
  return part;
}

Judged<Asked> list(const Request& request) {
  const std::string_view query = request.query();
  auto prefix = name_part(query, "prefix");
  if (!prefix) return bad_request(prefix.error());
  auto after = name_part(query, "after");
  if (!after) return bad_request(after.error());
  const auto limit = single_number(query, "limit", ticket::kMaxListed, ticket::Listing().limit);
  if (!limit) return bad_request(limit.error());
  const auto stale = is_stale(query);
  if (!stale) return bad_request(stale.error());
  return Asked{.what = ticket::Query(ticket::Listing{
                   .prefix = std::move(*prefix), .after = std::move(*after), .limit = *limit}),
               .shape = Shape::kPage,
               .stale = *stale};
}

}  // namespace

std::variant<Asked, Response> understand(const Route& route, const Request& request,
                                         bool allow_delete) {
  switch (route.operation) {
    case Operation::kTake:
      return take(route, request);
    case Operation::kAdvance:
      return advance(route, request);
    case Operation::kRemove:
      return remove(route, request, allow_delete);
    case Operation::kRead:
      return read(route, request);
    case Operation::kLookup:
      return lookup(request);
    case Operation::kList:
      return list(request);
    case Operation::kDescribe:
      return Response{.body = std::string(openapi_json()), .type = ContentType::kJson};
  }
  UNREACHABLE("a route without an operation");
}

std::size_t bytes_at_most(const Asked& asked) {
  if (const auto* request = std::get_if<ticket::Request>(&asked.what)) {
    return request->sequence.size() + request->key.size();
  }
  const ticket::Query& query = std::get<ticket::Query>(asked.what);
  if (const auto* listing = std::get_if<ticket::Listing>(&query)) {
    return listing->limit * (kEscapedBytes * ticket::kMaxNameBytes + kFoundBytes);
  }
  std::size_t bytes = 0;
  for (const std::string& name : std::get<ticket::Lookup>(query).sequences) {
    bytes += kEscapedBytes * name.size() + kFoundBytes;
  }
  return bytes;
}

}  // namespace ticketd::http
