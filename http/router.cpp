#include "http/router.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "http/answers.h"

namespace ticketd::http {

namespace {

std::string_view method_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  UNREACHABLE("a route for a method without a name");
}

/// The methods of a path, or of all for "*" (RFC 9110, 9.3.7); empty: there is no such path.
std::string allowed_methods(std::span<const Route> routes, std::string_view path) {
  std::string allow;
  for (const Route& route : routes) {
    const std::string_view name = method_name(route.method);
    if ((path != "*" && route.path != path) || allow.find(name) != std::string::npos) {
      continue;
    }
    allow.append(allow.empty() ? "" : ", ").append(name);
  }
  return allow;
}

/// GET is always 307: every client keeps its method, and a leader is not for ever.
Status redirect_status(Method method, RedirectMode mode) {
  if (method == Method::kPost && mode == RedirectMode::k301) {
    return Status::kMovedPermanently;
  }
  if (method == Method::kPost && mode == RedirectMode::k308) {
    return Status::kPermanentRedirect;
  }
  return Status::kTemporaryRedirect;
}

}  // namespace

std::variant<const Route*, Response> find_route(std::span<const Route> routes,
                                                const Request& request) {
  const std::string_view path = request.path();
  for (const Route& route : routes) {
    if (route.path == path && route.method == request.method) {
      return &route;
    }
  }
  // "*" is a target of OPTIONS alone.
  std::string allow = path == "*" && request.method != Method::kOptions
                          ? std::string()
                          : allowed_methods(routes, path);
  return allow.empty() ? not_found() : method_not_allowed(std::move(allow), request.host);
}

Action direct(const Route& route, std::string_view target, const ticket::LeaderView& leader,
              RedirectMode mode) {
  ENSURE(route.operation == Operation::kTake);
  if (std::holds_alternative<ticket::LeaderHere>(leader)) {
    return Take{};
  }
  if (std::holds_alternative<ticket::NoLeader>(leader)) {
    return leader_unavailable();
  }
  if (route.method == Method::kPost && mode == RedirectMode::kProxy) {
    return Forward{};
  }
  const std::string& address = std::get<ticket::LeaderThere>(leader).http_address;
  return address.empty() ? leader_without_address()
                         : redirect(redirect_status(route.method, mode), address, target);
}

}  // namespace ticketd::http
