#include "http/json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace ticketd::http {
namespace {

constexpr std::uint64_t kMost = 18446744073709551615u;

TEST_CASE("tickets are strings, so that no reader rounds them") {
  CHECK(ticket_json(0, 1) == R"({"first":"0","last":"0","count":1})");
  CHECK(ticket_json(kMost - 1, 2) ==
        R"({"first":"18446744073709551614","last":"18446744073709551615","count":2})");
}

TEST_CASE("a lookup is an object of numbers") {
  CHECK(lookup_json({}) == "{}");
  CHECK(lookup_json({.found = {{"b", 0}, {"a", std::nullopt}, {"c", kMost}}}) ==
        R"({"a":-1,"b":0,"c":18446744073709551615})");
}

TEST_CASE("a page names its sequences in their order, and where the next one begins") {
  CHECK(page_json({}) == R"({"sequences":[],"next":null})");
  ticket::QueryResult result{.found = {{"a", 1}, {"b", kMost}}};
  CHECK(page_json(result) ==
        R"({"sequences":[{"key":"a","last":"1"},{"key":"b","last":"18446744073709551615"}],)"
        R"("next":null})");
  result.more = true;
  CHECK(page_json(result).ends_with(R"(],"next":"b"})"));
}

TEST_CASE("every byte of a name comes back from JSON") {
  std::string name;
  for (char c = 0; c < 127; ++c) {
    name.push_back(c);
  }
  name += "\x7fä€😀\xe2\x80\xa8";
  const auto object = nlohmann::json::parse(lookup_json({.found = {{name, 3}}}));
  CHECK(object[name] == 3);
  const auto page = nlohmann::json::parse(page_json({.found = {{name, 3}}, .more = true}));
  CHECK(page["sequences"][0]["key"] == name);
  CHECK(page["next"] == name);
}

TEST_CASE("a name that is not UTF-8 makes no document that is none") {
  CHECK(lookup_json({.found = {{"a\xff", 3}}}) == "{\"a\xef\xbf\xbd\":3}");
}

}  // namespace
}  // namespace ticketd::http
