// Who answers a request, and how: pure functions of the request and of where the leader is.
#pragma once

#include <span>
#include <string_view>
#include <variant>

#include "http/options.h"
#include "http/request.h"
#include "http/response.h"
#include "ticket/service.h"

namespace ticketd::http {

enum class Operation : std::uint8_t {
  /// One ticket of the unnamed sequence.
  kTake,
};

/// All operations are the leader's: a route says what another node redirects.
struct Route {
  std::string_view path;
  Method method = Method::kPost;
  Operation operation = Operation::kTake;
};

inline constexpr Route kRoutes[] = {
    {.path = "/", .method = Method::kPost, .operation = Operation::kTake},
};

/// The route of a request, or 404 or 405. Told at any node, before any redirect: a client should
/// not travel to hear that it is wrong. The pointer is one into `routes`.
std::variant<const Route*, Response> find_route(std::span<const Route> routes,
                                                const Request& request);

/// The service takes it here.
struct Take {
  ticket::TakeRequest request;
};
/// The service has the leader take it.
struct Forward {
  ticket::TakeRequest request;
};
using Action = std::variant<Take, Forward, Response>;

/// What to do at this node with a request on `route`. `target`: path and query as sent.
Action direct(const Route& route, std::string_view target, const ticket::LeaderView& leader,
              RedirectMode mode);

}  // namespace ticketd::http
