// What a request asks of the service: everything that is judged of it besides its path and method.
#pragma once

#include <cstddef>
#include <variant>

#include "http/request.h"
#include "http/response.h"
#include "http/router.h"
#include "ticket/service.h"

namespace ticketd::http {

/// How what was asked is answered, when it can be.
enum class Shape : std::uint8_t {
  /// The first number.
  kNumber,
  /// FIRST-LAST.
  kRange,
  /// {"first":...}
  kTicketJson,
  /// The last number that a sequence had, or 404.
  kRemoved,
  /// The last number of one sequence, or -1.
  kLast,
  /// {"a":1}
  kLookup,
  /// {"sequences":...}
  kPage,
};

/// A request that can be done as far as it itself can tell.
struct Asked {
  std::variant<ticket::Request, ticket::Query> what;
  Shape shape = Shape::kNumber;
  /// Any node's state is good enough.
  bool stale = false;
};

/// What a request on its route asks; or its answer, when no service is needed for it: 400 and
/// others that say what is wrong with it, and the description of this interface. Told at any node,
/// before any redirect. `allow_delete` as in Options.
std::variant<Asked, Response> understand(const Route& route, const Request& request,
                                         bool allow_delete);

/// Bytes that it may need while it waits, and for its answer, at most.
std::size_t bytes_at_most(const Asked& asked);

}  // namespace ticketd::http
