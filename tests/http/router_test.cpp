#include "http/router.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ticketd::http {
namespace {

using ticket::LeaderHere;
using ticket::LeaderThere;
using ticket::NoLeader;

constexpr Route kTestRoutes[] = {{"/", Method::kPost, Operation::kTake},
                                 {"/numbers", Method::kGet, Operation::kRead},
                                 {"/numbers", Method::kPost, Operation::kTake}};

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

/// "POST /seq/{key}", or as above.
std::string routed(Method method, std::string_view target) {
  const auto result = find_route(kRoutes, {.method = method, .target = target, .host = "h"});
  if (const auto* route = std::get_if<const Route*>(&result)) {
    return std::string(method_name((*route)->method)) + " " + std::string((*route)->path);
  }
  return found(kRoutes, method, target);
}

TEST_CASE("each path has its methods, whatever the query") {
  struct Case {
    std::string target, path, allow;
  };
  for (const Case& c :
       std::vector<Case>{{"/", "/", "POST, PUT"},
                         {"/?a=/b?", "/", "POST, PUT"},
                         {"/seq", "/seq", "GET, HEAD"},
                         {"/seq?prefix=a/b", "/seq", "GET, HEAD"},
                         {"/seq/", "/seq/", "GET, HEAD, POST"},
                         {"/seq/?key=a/b", "/seq/", "GET, HEAD, POST"},
                         {"/seq/a", "/seq/{key}", "POST, GET, HEAD, PUT, DELETE"},
                         {"/seq/a%2Fb?c/d", "/seq/{key}", "POST, GET, HEAD, PUT, DELETE"},
                         {"/seq/..", "/seq/{key}", "POST, GET, HEAD, PUT, DELETE"},
                         {"/openapi.json", "/openapi.json", "GET, HEAD"}}) {
    for (const Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                                Method::kDelete, Method::kOptions}) {
      const std::string name(method_name(method));
      const bool allowed = (", " + c.allow + ",").find(" " + name + ",") != std::string::npos;
      CAPTURE(c.target);
      CAPTURE(name);
      CHECK(routed(method, c.target) == (allowed ? name + " " + c.path : "405 " + c.allow));
    }
    CHECK(routed(Method::kOther, c.target) == "405 " + c.allow);
  }
}

TEST_CASE("another path is not found with any method") {
  for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kOther}) {
    for (const char* target : {"/a", "//", "/seq/a/", "/seq/a/b", "/seq//", "/seqs", "/SEQ/a",
                               "/%73eq/a", "/openapi.json/", "*"}) {
      CAPTURE(target);
      CHECK(routed(method, target) == "404 ");
    }
  }
}

TEST_CASE("the methods of the whole server are told for a star, each once") {
  CHECK(routed(Method::kOptions, "*") == "405 POST, PUT, GET, HEAD, DELETE");
  CHECK(found(kTestRoutes, Method::kOptions, "*") == "405 POST, GET");
  CHECK(found(kTestRoutes, Method::kOther, "/numbers") == "405 GET, POST");
  CHECK(found(kTestRoutes, Method::kPost, "/numbers") == "route 2");
}

TEST_CASE("a key is what stands behind the last slash, as sent") {
  for (const Route& route : kRoutes) {
    const bool has_key = route.path == "/seq/{key}";
    CHECK(key_segment(route, has_key ? "/seq/a%2F+" : route.path) == (has_key ? "a%2F+" : ""));
  }
}

TEST_CASE("bodies are read where they mean something") {
  CHECK(wants_body({.method = Method::kPut, .target = "/"}));
  CHECK(wants_body({.method = Method::kPut, .target = "/seq/a?b"}));
  CHECK(wants_body({.method = Method::kPost, .target = "/seq/?x"}));
  CHECK_FALSE(wants_body({.method = Method::kPost, .target = "/"}));
  CHECK_FALSE(wants_body({.method = Method::kPost, .target = "/seq/a"}));
  CHECK_FALSE(wants_body({.method = Method::kGet, .target = "/seq/"}));
  CHECK_FALSE(wants_body({.method = Method::kPut, .target = "/nowhere"}));
}

TEST_CASE("sequences have a mode of redirecting of their own") {
  const Options options{.redirect = RedirectMode::k308, .redirect_sequences = RedirectMode::kProxy};
  for (const Route& route : kRoutes) {
    CHECK(redirect_mode(route, options) ==
          (route.path.starts_with("/seq") ? RedirectMode::kProxy : RedirectMode::k308));
  }
}

/// "here", "there", or the status and the Location header.
std::string directed(Method method, const ticket::LeaderView& leader, RedirectMode mode) {
  const auto direction =
      direct({"/seq/{key}", method, Operation::kTake}, "/seq/a%2F?q", leader, mode);
  if (const auto* place = std::get_if<Place>(&direction)) {
    return *place == Place::kHere ? "here" : "there";
  }
  const Response& response = std::get<Response>(direction);
  CHECK(response.no_store == !response.location.empty());
  return std::to_string(static_cast<int>(response.status)) + " " + response.location;
}

TEST_CASE("the leader answers itself, and without one nobody does") {
  for (const Method method : {Method::kPost, Method::kGet, Method::kPut}) {
    for (const RedirectMode mode : {RedirectMode::k301, RedirectMode::k308, RedirectMode::kProxy}) {
      CHECK(directed(method, LeaderHere{}, mode) == "here");
      CHECK(directed(method, NoLeader{}, mode) == "503 ");
    }
  }
}

TEST_CASE("another node redirects by the method and the mode, or has the leader answer") {
  struct Case {
    Method method;
    std::string with_301, with_307, with_308;
  };
  const LeaderThere there{"leader:80", ""};
  const LeaderThere unnamed{"", "leader:6379"};
  for (const Case& c : std::vector<Case>{{Method::kPost, "301", "307", "308"},
                                         {Method::kPut, "307", "307", "308"},
                                         {Method::kDelete, "307", "307", "308"},
                                         {Method::kGet, "307", "307", "307"},
                                         {Method::kHead, "307", "307", "307"}}) {
    const std::string to = " http://leader:80/seq/a%2F?q";
    CHECK(directed(c.method, there, RedirectMode::k301) == c.with_301 + to);
    CHECK(directed(c.method, there, RedirectMode::k307) == c.with_307 + to);
    CHECK(directed(c.method, there, RedirectMode::k308) == c.with_308 + to);
    CHECK(directed(c.method, there, RedirectMode::kProxy) == "there");
    CHECK(directed(c.method, unnamed, RedirectMode::k301) == "503 ");
    CHECK(directed(c.method, unnamed, RedirectMode::kProxy) == "there");
  }
}

}  // namespace
}  // namespace ticketd::http
