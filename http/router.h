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
  /// Takes the next numbers of a sequence.
  kTake,
  /// Moves a sequence forward to the number in the body.
  kAdvance,
  kRemove,
  /// The last number of one sequence.
  kRead,
  /// The last numbers of the sequences that the query or a form names.
  kLookup,
  /// Sequences, page by page.
  kList,
  /// This interface itself, as OpenAPI.
  kDescribe,
};

struct Route {
  /// As OpenAPI writes it. A last segment "{key}" stands for any segment that is not empty.
  std::string_view path;
  Method method = Method::kPost;
  Operation operation = Operation::kTake;
};

inline constexpr Route kRoutes[] = {
    {.path = "/", .method = Method::kPost, .operation = Operation::kTake},
    {.path = "/", .method = Method::kPut, .operation = Operation::kAdvance},
    {.path = "/seq/{key}", .method = Method::kPost, .operation = Operation::kTake},
    {.path = "/seq/{key}", .method = Method::kGet, .operation = Operation::kRead},
    {.path = "/seq/{key}", .method = Method::kHead, .operation = Operation::kRead},
    {.path = "/seq/{key}", .method = Method::kPut, .operation = Operation::kAdvance},
    {.path = "/seq/{key}", .method = Method::kDelete, .operation = Operation::kRemove},
    {.path = "/seq/", .method = Method::kGet, .operation = Operation::kLookup},
    {.path = "/seq/", .method = Method::kHead, .operation = Operation::kLookup},
    {.path = "/seq/", .method = Method::kPost, .operation = Operation::kLookup},
    {.path = "/seq", .method = Method::kGet, .operation = Operation::kList},
    {.path = "/seq", .method = Method::kHead, .operation = Operation::kList},
    {.path = "/openapi.json", .method = Method::kGet, .operation = Operation::kDescribe},
    {.path = "/openapi.json", .method = Method::kHead, .operation = Operation::kDescribe},
};

/// As on the request line. Requires a method other than kOther.
std::string_view method_name(Method method);

/// The route of a request, or 404 or 405. Told at any node, before any redirect: a client should
/// not travel to hear that it is wrong. The pointer is one into `routes`.
std::variant<const Route*, Response> find_route(std::span<const Route> routes,
                                                const Request& request);

/// What stands at "{key}", as sent; empty when the route has none. `path` is the route's.
std::string_view key_segment(const Route& route, std::string_view path);

/// The request is on a route that reads bodies.
bool wants_body(const Request& request);

/// What another node than the leader does with requests on this route.
RedirectMode redirect_mode(const Route& route, const Options& options);

enum class Place {
  /// This node's service answers.
  kHere,
  /// This node's service has the leader answer.
  kThere,
};

/// Where a request on `route` is answered, or why not: a redirect, or 503. `target`: path and query
/// as sent.
std::variant<Place, Response> direct(const Route& route, std::string_view target,
                                     const ticket::LeaderView& leader, RedirectMode mode);

}  // namespace ticketd::http
