// docs/http-api.md says what the program does.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "http/answers.h"
#include "http/openapi.h"
#include "http/operations.h"
#include "http/options.h"
#include "http/router.h"
#include "http/status.h"

namespace ticketd::http {
namespace {

std::string page() {
  std::ifstream file(TICKETD_HTTP_PAGE);
  REQUIRE(file.good());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The value in the table of limits; empty: there is no such row.
std::string limit(const std::string& text, const std::string& name) {
  const std::string begin = "\n| " + name + " | ";
  const std::size_t at = text.find(begin);
  if (at == std::string::npos) {
    return "";
  }
  return text.substr(at + begin.size(), text.find(" |", at + begin.size()) - at - begin.size());
}

std::string bytes(std::size_t count) { return std::to_string(count) + " bytes"; }
std::string seconds(std::chrono::milliseconds time) {
  CHECK(time.count() % 1000 == 0);
  return std::to_string(time.count() / 1000) + " s";
}

TEST_CASE("the page names every status with its reason phrase") {
  const std::string text = page();
  for (const Status status : {Status::kOk,
                              Status::kMovedPermanently,
                              Status::kTemporaryRedirect,
                              Status::kPermanentRedirect,
                              Status::kBadRequest,
                              Status::kForbidden,
                              Status::kNotFound,
                              Status::kMethodNotAllowed,
                              Status::kRequestTimeout,
                              Status::kConflict,
                              Status::kContentTooLarge,
                              Status::kUnsupportedMediaType,
                              Status::kExpectationFailed,
                              Status::kUnprocessableContent,
                              Status::kHeadersTooLarge,
                              Status::kNotImplemented,
                              Status::kServiceUnavailable,
                              Status::kGatewayTimeout,
                              Status::kVersionNotSupported,
                              Status::kInsufficientStorage}) {
    const std::string named =
        "`" + std::to_string(static_cast<int>(status)) + " " + std::string(reason_phrase(status));
    CAPTURE(named);
    CHECK(text.find(named + "`") != std::string::npos);
  }
  CHECK(text.find("`503 " + std::string(leader_unavailable().reason) + "`") != std::string::npos);
}

TEST_CASE("the page names every limit with its value") {
  const std::string text = page();
  const MessageLimits message;
  const serve::Limits limits;
  CHECK(limit(text, "no such limit") == "");
  CHECK(limit(text, "request line and headers") == bytes(message.header_bytes));
  CHECK(limit(text, "body") == bytes(message.body_bytes));
  CHECK(limit(text, "a request's arrival, from its first byte to its last") ==
        seconds(limits.request_time));
  CHECK(limit(text, "without a request") == seconds(limits.idle_time));
  CHECK(limit(text, "without the client taking a byte of an answer") ==
        seconds(limits.stalled_time));
  CHECK(limit(text, "open connections") == std::to_string(limits.connections));
  CHECK(limit(text, "requests of one connection that wait for an answer") ==
        std::to_string(limits.pipeline));
  CHECK(limit(text, "bytes of answers that one connection has not taken") ==
        bytes(limits.output_bytes));
  CHECK(limit(text, "reading on after the last answer, so that the client sees it") ==
        seconds(limits.linger_time) + ", " + bytes(limits.linger_bytes));
  CHECK(limit(text,
              "hearing kept connections when the node shuts down; an answer ends its connection") ==
        seconds(limits.parting_time));
  CHECK(limit(text, "answering what is under way when the node shuts down") ==
        seconds(limits.close_time));
  CHECK(limit(text, "numbers taken at once") == std::to_string(ticket::kMaxCount));
  CHECK(limit(text, "a key") == bytes(ticket::kMaxNameBytes));
  CHECK(limit(text, "keys of one lookup together") == bytes(ticket::kMaxLookupBytes));
  CHECK(limit(text, "sequences on a page") == std::to_string(ticket::kMaxListed) + ", " +
                                                  std::to_string(ticket::Listing().limit) +
                                                  " unless asked");
  CHECK(limit(text, "an idempotency key") == bytes(ticket::kMaxKeyBytes));
}

/// The part of the page before the first heading within it.
std::string overview(const std::string& text) { return text.substr(0, text.find("\n## ")); }

TEST_CASE("the page's overview names every route, and no other") {
  const std::string table = overview(page());
  std::set<std::string> named;
  for (std::size_t at = table.find("\n| `"); at != std::string::npos;
       at = table.find("\n| `", at + 1)) {
    const std::string cell = table.substr(at + 3, table.find(" | ", at + 3) - at - 3);
    for (std::size_t begin = cell.find('`'); begin != std::string::npos;) {
      const std::size_t end = cell.find('`', begin + 1);
      named.insert(cell.substr(begin + 1, end - begin - 1));
      begin = cell.find('`', end + 1);
    }
  }
  std::set<std::string> routes;
  for (const Route& route : kRoutes) {
    routes.insert(std::string(method_name(route.method)) + " " + std::string(route.path));
  }
  CHECK(named == routes);
}

TEST_CASE("the page names every parameter and header that OpenAPI has") {
  const std::string text = page();
  const auto json = nlohmann::json::parse(openapi_json());
  for (const auto& parameter : json["components"]["parameters"]) {
    CAPTURE(parameter["name"]);
    CHECK(text.find(parameter["name"].get<std::string>()) != std::string::npos);
  }
  for (const auto& [name, header] : json["components"]["headers"].items()) {
    CAPTURE(name);
    CHECK(text.find("`" + name) != std::string::npos);
  }
}

}  // namespace
}  // namespace ticketd::http
