#include "http/router.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "http/answers.h"

namespace ticketd::http {

namespace {

constexpr std::string_view kKey = "{key}";
constexpr std::string_view kSequences = "/seq";

/// A route's path up to "{key}".
std::string_view fixed_part(const Route& route) {
  return route.path.ends_with(kKey) ? route.path.substr(0, route.path.size() - kKey.size())
                                    : route.path;
}

bool matches(const Route& route, std::string_view path) {
  if (!route.path.ends_with(kKey)) {
    return route.path == path;
  }
  const std::string_view fixed = fixed_part(route);
  return path.size() > fixed.size() && path.starts_with(fixed) &&
         path.find('/', fixed.size()) == std::string_view::npos;
}

/// The methods of a path, or of all for "*" (RFC 9110, 9.3.7); empty: there is no such path.
std::string allowed_methods(std::span<const Route> routes, std::string_view path) {
  std::string allow;
  for (const Route& route : routes) {
    const std::string_view name = method_name(route.method);
    if ((path != "*" && !matches(route, path)) || allow.find(name) != std::string::npos) {
      continue;
    }
    allow.append(allow.empty() ? "" : ", ").append(name);
  }
  return allow;
}

/// 301 is for POST alone, and GET is always 307: every client keeps its method then, and a leader
/// is not for ever.
Status redirect_status(Method method, RedirectMode mode) {
  const bool reads = method == Method::kGet || method == Method::kHead;
  if (method == Method::kPost && mode == RedirectMode::k301) {
    return Status::kMovedPermanently;
  }
  if (!reads && mode == RedirectMode::k308) {
    return Status::kPermanentRedirect;
  }
  return Status::kTemporaryRedirect;
}

const Route* route_of(std::span<const Route> routes, const Request& request) {
  const std::string_view path = request.path();
  for (const Route& route : routes) {
    if (route.method == request.method && matches(route, path)) {
      return &route;
    }
  }
  return nullptr;
}

}  // namespace

std::string_view method_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  UNREACHABLE("a route for a method without a name");
}

std::variant<const Route*, Response> find_route(std::span<const Route> routes,
                                                const Request& request) {
  if (const Route* route = route_of(routes, request)) {
    return route;
  }
  const std::string_view path = request.path();
  // "*" is a target of OPTIONS alone.
  std::string allow = path == "*" && request.method != Method::kOptions
                          ? std::string()
                          : allowed_methods(routes, path);
  if (allow.empty()) {
    return not_found(path);
  }
  return method_not_allowed(path, std::move(allow), request.host);
}

std::string_view key_segment(const Route& route, std::string_view path) {
  return route.path.ends_with(kKey) ? path.substr(fixed_part(route).size()) : std::string_view();
}

bool wants_body(const Request& request) {
  const Route* route = route_of(kRoutes, request);
  return route != nullptr &&
         (route->operation == Operation::kAdvance ||
          (route->operation == Operation::kLookup && route->method == Method::kPost));
}

RedirectMode redirect_mode(const Route& route, const Options& options) {
  return route.path.starts_with(kSequences) ? options.redirect_sequences : options.redirect;
}

std::variant<Place, Response> direct(const Route& route, std::string_view target,
                                     const ticket::LeaderView& leader, RedirectMode mode) {
  if (std::holds_alternative<ticket::LeaderHere>(leader)) {
    return Place::kHere;
  }
  if (std::holds_alternative<ticket::NoLeader>(leader)) {
    return leader_unavailable();
  }
  if (mode == RedirectMode::kProxy) {
    return Place::kThere;
  }
  const std::string& address = std::get<ticket::LeaderThere>(leader).http_address;
  return address.empty() ? leader_without_address()
                         : redirect(redirect_status(route.method, mode), address, target);
}

}  // namespace ticketd::http
