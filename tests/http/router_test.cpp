#include "http/router.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ticketd::http {
namespace {

using ticket::LeaderHere;
using ticket::LeaderThere;
using ticket::NoLeader;

constexpr Route kPostRoute{"/", Method::kPost, Operation::kTake};
constexpr Route kGetRoute{"/numbers", Method::kGet, Operation::kTake};
constexpr Route kTestRoutes[] = {
    kPostRoute, kGetRoute, {"/numbers", Method::kPost, Operation::kTake}};

/// "route 0", or the status and the Allow header.
std::string found(std::span<const Route> routes, Method method, std::string_view target) {
  const auto result = find_route(routes, {.method = method, .target = target, .host = "h"});
  if (const auto* route = std::get_if<const Route*>(&result)) {
    return "route " + std::to_string(*route - routes.data());
  }
  const Response& response = std::get<Response>(result);
  CHECK_FALSE(response.body.empty());
  return std::to_string(static_cast<int>(response.status)) + " " + response.allow;
}

TEST_CASE("tickets are taken with POST at the root, whatever the query") {
  CHECK(found(kRoutes, Method::kPost, "/") == "route 0");
  CHECK(found(kRoutes, Method::kPost, "/?a=/b?") == "route 0");
}

TEST_CASE("another method at the root is told which one is right") {
  for (const Method method : {Method::kGet, Method::kHead, Method::kOptions, Method::kOther}) {
    CHECK(found(kRoutes, method, "/") == "405 POST");
  }
}

TEST_CASE("another path is not found with any method") {
  for (const Method method : {Method::kGet, Method::kPost, Method::kOther}) {
    CHECK(found(kRoutes, method, "/a") == "404 ");
    CHECK(found(kRoutes, method, "//") == "404 ");
    CHECK(found(kRoutes, method, "*") == "404 ");
  }
  CHECK(found(kRoutes, Method::kOptions, "*") == "405 POST");
}

TEST_CASE("a path with several methods names them all, each once") {
  CHECK(found(kTestRoutes, Method::kGet, "/numbers") == "route 1");
  CHECK(found(kTestRoutes, Method::kPost, "/numbers") == "route 2");
  CHECK(found(kTestRoutes, Method::kOther, "/numbers") == "405 GET, POST");
  CHECK(found(kTestRoutes, Method::kOptions, "*") == "405 POST, GET");
}

TEST_CASE("the text for a wrong method says how to take a ticket, and what a redirect may do") {
  const auto result =
      find_route(kRoutes, {.method = Method::kGet, .target = "/", .host = "there:80"});
  const std::string& body = std::get<Response>(result).body;
  CHECK(body.find("curl -X POST http://there:80/\n") != std::string::npos);
  CHECK(body.find("--redirect 307") != std::string::npos);
  CHECK(body.find("curl -L --post301") != std::string::npos);
}

/// "take", "forward", or the status and the Location header.
std::string directed(const Route& route, const ticket::LeaderView& leader, RedirectMode mode) {
  const Action action = direct(route, "/?q", leader, mode);
  if (std::holds_alternative<Take>(action)) return "take";
  if (std::holds_alternative<Forward>(action)) return "forward";
  const Response& response = std::get<Response>(action);
  CHECK(response.no_store == !response.location.empty());
  return std::to_string(static_cast<int>(response.status)) + " " + response.location;
}

TEST_CASE("who answers depends on where the leader is, the method and the mode") {
  struct Case {
    const Route& route;
    ticket::LeaderView leader;
    RedirectMode mode;
    std::string expected;
  };
  const LeaderThere there{"leader:80", ""};
  const LeaderThere unnamed{"", "leader:6379"};
  for (const Case& c : std::vector<Case>{
           {kPostRoute, LeaderHere{}, RedirectMode::k301, "take"},
           {kPostRoute, LeaderHere{}, RedirectMode::kProxy, "take"},
           {kPostRoute, NoLeader{}, RedirectMode::k301, "503 "},
           {kPostRoute, NoLeader{}, RedirectMode::kProxy, "503 "},
           {kPostRoute, there, RedirectMode::k301, "301 http://leader:80/?q"},
           {kPostRoute, there, RedirectMode::k307, "307 http://leader:80/?q"},
           {kPostRoute, there, RedirectMode::k308, "308 http://leader:80/?q"},
           {kPostRoute, there, RedirectMode::kProxy, "forward"},
           {kPostRoute, unnamed, RedirectMode::k301, "503 "},
           {kPostRoute, unnamed, RedirectMode::kProxy, "forward"},
           {kGetRoute, LeaderHere{}, RedirectMode::k301, "take"},
           {kGetRoute, there, RedirectMode::k301, "307 http://leader:80/?q"},
           {kGetRoute, there, RedirectMode::k308, "307 http://leader:80/?q"},
           {kGetRoute, there, RedirectMode::kProxy, "307 http://leader:80/?q"},
           {kGetRoute, unnamed, RedirectMode::k307, "503 "},
       }) {
    CHECK(directed(c.route, c.leader, c.mode) == c.expected);
  }
}

}  // namespace
}  // namespace ticketd::http
