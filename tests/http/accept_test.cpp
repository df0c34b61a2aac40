#include "http/accept.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ticketd::http {
namespace {

bool prefers_json(const std::vector<std::string>& values) {
  Accept accept;
  for (const std::string& value : values) {
    accept.add(value);
  }
  return accept.prefers_json();
}

TEST_CASE("json is preferred where it is named and text does not weigh more") {
  for (const char* value :
       {"application/json", "Application/JSON", " application/json ; charset=utf-8",
        "application/json;q=0.001", "application/json, text/plain", "text/plain, application/json",
        "text/plain;q=0.5, application/json;q=0.5", "*/*;q=0.1, application/json;q=0.9",
        "application/json, */*", "text/html, application/json;q=0.9, text/*;q=0.8",
        "text/plain;q=0, */*, application/json;q=0.5", ",, application/json ,",
        "application/json;q=1.000", "application/json;x=\"a,b;q=0\";Q=1",
        "application/json;q=0, application/json;q=0.2"}) {
    CAPTURE(value);
    CHECK(prefers_json({value}));
  }
}

TEST_CASE("anything else is answered with plain text") {
  for (const char* value :
       {"", "*/*", "application/*", "text/plain", "application/json;q=0", "application/json;q=0.0",
        "application/json;q=0.8, text/plain", "application/json;q=0.8, text/*",
        "application/json;q=0.8, */*;q=0.9", "text/*;q=0.9, application/json;q=0.8, */*;q=0.1",
        "application/jsonx", "application/json/x", "text/html;x=\"a, application/json\"",
        "text/html;x=\"a\\\", application/json\"", "application/problem+json"}) {
    CAPTURE(value);
    CHECK_FALSE(prefers_json({value}));
  }
}

TEST_CASE("a range with a malformed weight is as one that was not sent") {
  for (const char* weight :
       {"", "2", "1.001", "1.1", "-1", "0.5555", "0,5", ".5", "0.5x", "x", "00.5", "1e0"}) {
    CAPTURE(weight);
    CHECK_FALSE(prefers_json({"application/json;q=" + std::string(weight)}));
  }
  CHECK(prefers_json({"text/plain;q=7, application/json;q=0.1"}));
}

TEST_CASE("several headers are as one list") {
  CHECK(prefers_json({"text/plain;q=0.5", "application/json"}));
  CHECK_FALSE(prefers_json({"application/json;q=0.4", "text/plain;q=0.5"}));
}

}  // namespace
}  // namespace ticketd::http
