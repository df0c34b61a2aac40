#include "http/answers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace ticketd::http {
namespace {

using ticket::NotDone;
using Why = NotDone::Why;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

bool is_one_line(const std::string& text) {
  return text.ends_with("\n") && std::count(text.begin(), text.end(), '\n') == 1;
}

TEST_CASE("each shape of a ticket") {
  CHECK(done(Shape::kNumber, {7, 1, false}).body == "7");
  CHECK(done(Shape::kRange, {7, 3, false}).body == "7-9");
  CHECK(done(Shape::kRange, {7, 1, false}).body == "7-7");
  CHECK(done(Shape::kRange, {kMost, 1, false}).body == "18446744073709551615-18446744073709551615");
  const Response json = done(Shape::kTicketJson, {7, 3, false});
  CHECK(json.body == R"({"first":"7","last":"9","count":3})");
  CHECK(json.type == ContentType::kJson);
  CHECK(done(Shape::kRemoved, {7, 1, false}).body == "7");
  CHECK(done(Shape::kRemoved, {0, 1, false}).status == Status::kOk);
  CHECK(done(Shape::kRemoved, {0, 0, false}).status == Status::kNotFound);
}

TEST_CASE("what was handed back once more is marked, done or not") {
  CHECK(done(Shape::kNumber, {7, 1, true}).replayed);
  CHECK_FALSE(done(Shape::kNumber, {7, 1, false}).replayed);
  CHECK(not_done({Why::kOverflow, "x", true}).replayed);
  CHECK(not_done({Why::kBehind, "x", true}).replayed);
  CHECK_FALSE(not_done({Why::kBehind, "x"}).replayed);
}

TEST_CASE("each shape of what was found, with its index") {
  ticket::QueryResult result{.found = {{"b", 5}}, .more = true, .applied_index = 9};
  CHECK(found(Shape::kLast, result).body == "5");
  CHECK(found(Shape::kLast, result).applied_index == 9);
  CHECK(found(Shape::kLookup, result).body == R"({"b":5})");
  CHECK(found(Shape::kLookup, result).type == ContentType::kJson);
  CHECK(found(Shape::kPage, result).body == R"({"sequences":[{"key":"b","last":"5"}],"next":"b"})");
  result.found[0].last.reset();
  CHECK(found(Shape::kLast, result).body == "-1");
  CHECK(found(Shape::kLast, result).type == ContentType::kText);
}

TEST_CASE("each reason not to do has its status, its line, and a time to come back") {
  struct Case {
    Why why;
    Status status;
    std::string body;
    bool retry;
  };
  for (const Case& c : std::vector<Case>{
           {Why::kNoLeader, Status::kServiceUnavailable, "", true},
           {Why::kBusy, Status::kServiceUnavailable, "Nothing was done: why\n", true},
           {Why::kKeysFull, Status::kServiceUnavailable, "Nothing was done: why\n", true},
           {Why::kNoSpace, Status::kInsufficientStorage, "why\n", false},
           {Why::kOverflow, Status::kConflict, "why\n", false},
           {Why::kBehind, Status::kConflict, "why\n", false},
           {Why::kKeyReused, Status::kUnprocessableContent, "why\n", false},
           {Why::kForbidden, Status::kForbidden, "why\n", false}}) {
    const Response response = not_done({c.why, "why"});
    CAPTURE(static_cast<int>(c.why));
    CHECK(response.status == c.status);
    CHECK(response.body == c.body);
    CHECK(response.retry == c.retry);
  }
  CHECK(not_done({Why::kNoLeader, "x"}).reason == "Leader unavailable");
}

TEST_CASE("an unknown outcome says so, why, and how to find out") {
  const Response unknown = outcome_unknown({"the leader changed."});
  CHECK(unknown.status == Status::kGatewayTimeout);
  CHECK_FALSE(unknown.retry);
  CHECK(is_one_line(unknown.body));
  CHECK(unknown.body.find("outcome unknown") != std::string::npos);
  CHECK(unknown.body.find("the leader changed") != std::string::npos);
  CHECK(unknown.body.find("same Idempotency-Key") != std::string::npos);
}

TEST_CASE("other errors are one line each") {
  for (const Response& response :
       {bad_request(Error{"x"}), delete_forbidden(), not_found("/a"), not_found("/seq/a/b"),
        method_not_allowed("/seq", "GET", "h"), not_a_form(), leader_without_address(),
        refused({Status::kBadRequest, "x"}), cut_short(), too_slow(std::chrono::seconds(1)),
        too_many_connections(5), done(Shape::kRemoved, {})}) {
    CAPTURE(response.body);
    CHECK(is_one_line(response.body));
  }
  CHECK(not_found("/seq/a/b").body.find("%2F") != std::string::npos);
}

TEST_CASE("the text for a wrong method at the root says how, and what a redirect may do") {
  const Response response = method_not_allowed("/", "POST, PUT", "there:80");
  CHECK(response.allow == "POST, PUT");
  CHECK(response.body.find("curl -X POST http://there:80/\n") != std::string::npos);
  CHECK(response.body.find("--redirect 307") != std::string::npos);
  CHECK(response.body.find("curl -L --post301") != std::string::npos);
  CHECK(method_not_allowed("/", "POST", "").body.find("http://HOST:PORT/") != std::string::npos);
  CHECK(method_not_allowed("/seq", "GET, HEAD", "h").body.find("GET, HEAD") != std::string::npos);
}

}  // namespace
}  // namespace ticketd::http
