#include "http/operations.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ticketd::http {
namespace {

/// What a test says of a request besides its method and target.
struct Sent {
  std::string body{};
  std::vector<std::string> keys{};
  bool json = false;
  bool form = true;
  bool allow_delete = true;
};

std::variant<Asked, Response> understood(Method method, const std::string& target,
                                         const Sent& sent = {}) {
  Request request;
  request.method = method;
  request.target = target;
  request.host = "h";
  request.prefers_json = sent.json;
  request.form = sent.form;
  request.idempotency_keys = sent.keys.size();
  request.idempotency_key = sent.keys.empty() ? std::string_view() : sent.keys.back();
  request.body = sent.body;
  const auto found = find_route(kRoutes, request);
  REQUIRE(std::holds_alternative<const Route*>(found));
  return understand(*std::get<const Route*>(found), request, sent.allow_delete);
}

std::string shape_name(Shape shape) {
  static constexpr const char* kNames[] = {"number", "range",  "json", "removed",
                                           "last",   "object", "page"};
  return kNames[static_cast<int>(shape)];
}

std::string words(const ticket::Request& request) {
  static constexpr const char* kKinds[] = {"", "take", "advance", "remove"};
  return std::string(kKinds[static_cast<int>(request.kind)]) + " '" + request.sequence + "' " +
         std::to_string(request.value) + (request.key.empty() ? "" : " key=" + request.key);
}

std::string words(const ticket::Query& query) {
  if (const auto* listing = std::get_if<ticket::Listing>(&query)) {
    return "list '" + listing->prefix + "' '" + listing->after + "' " +
           std::to_string(listing->limit);
  }
  std::string result = "look up";
  for (const std::string& name : std::get<ticket::Lookup>(query).sequences) {
    result += " '" + name + "'";
  }
  return result;
}

/// "take 'a' 1 as number", "look up 'a' 'b' as object stale", or the status and the body.
std::string said(Method method, const std::string& target, const Sent& sent = {}) {
  const auto result = understood(method, target, sent);
  if (const auto* response = std::get_if<Response>(&result)) {
    return std::to_string(static_cast<int>(response->status)) + " " + response->body;
  }
  const Asked& asked = std::get<Asked>(result);
  const std::string what = std::holds_alternative<ticket::Request>(asked.what)
                               ? words(std::get<ticket::Request>(asked.what))
                               : words(std::get<ticket::Query>(asked.what));
  return what + " as " + shape_name(asked.shape) + (asked.stale ? " stale" : "");
}

/// Refused with 400 and one line that holds `word`.
void check_bad(Method method, const std::string& target, const std::string& word,
               const Sent& sent = {}) {
  const std::string answer = said(method, target, sent);
  CAPTURE(target);
  CAPTURE(answer);
  CHECK(answer.starts_with("400 "));
  CHECK(answer.find(word) != std::string::npos);
  CHECK(answer.find('\n') == answer.size() - 1);
}

constexpr Method kGet = Method::kGet;
constexpr Method kPost = Method::kPost;
constexpr Method kPut = Method::kPut;
constexpr Method kDelete = Method::kDelete;

TEST_CASE("a ticket of the unnamed and of a named sequence") {
  CHECK(said(kPost, "/") == "take '' 1 as number");
  CHECK(said(kPost, "/?other=%zz&x") == "take '' 1 as number");
  CHECK(said(kPost, "/seq/a+b%2Fc%20") == "take 'a+b/c ' 1 as number");
  CHECK(said(kPost, "/seq/a", {.json = true}) == "take 'a' 1 as json");
  CHECK(said(kPost, "/seq/%00") == std::string("take '\0' 1 as number", 20));
}

TEST_CASE("a range is one exactly when a count is given") {
  CHECK(said(kPost, "/?count=1") == "take '' 1 as range");
  CHECK(said(kPost, "/seq/a?count=1000000") == "take 'a' 1000000 as range");
  CHECK(said(kPost, "/?x&c%6Funt=%35&") == "take '' 5 as range");
  CHECK(said(kPost, "/?count=5", {.json = true}) == "take '' 5 as json");
  for (const char* count : {"", "=", "=0", "=1000001", "=-1", "=+1", "=1.5", "=abc", "=%ff", "=%",
                            "=99999999999999999999", "=1&count=1", "=1&%63ount=2"}) {
    check_bad(kPost, std::string("/?count") + count, "count");
  }
}

TEST_CASE("a key has 1 to 255 bytes after decoding") {
  const std::string longest(255, 'k');
  CHECK(said(kPost, "/seq/" + longest) == "take '" + longest + "' 1 as number");
  std::string encoded;
  for (int i = 0; i < 255; ++i) encoded += "%6b";
  CHECK(said(kPost, "/seq/" + encoded) == "take '" + longest + "' 1 as number");
  for (const Method method : {kPost, kGet, kPut, kDelete, Method::kHead}) {
    check_bad(method, "/seq/" + longest + "k", "256 bytes", {.body = "1"});
    check_bad(method, "/seq/%ff", "not UTF-8", {.body = "1"});
    check_bad(method, "/seq/a%2", "hexadecimal", {.body = "1"});
  }
  check_bad(kGet, "/seq/?key=" + longest + "k", "256 bytes");
}

TEST_CASE("an idempotency key is judged on requests that change, and ignored on others") {
  const std::string longest(64, '!');
  CHECK(said(kPost, "/", {.keys = {longest}}) == "take '' 1 key=" + longest + " as number");
  CHECK(said(kPut, "/seq/a", {.body = "5", .keys = {"k"}}) == "advance 'a' 5 key=k as number");
  for (const std::vector<std::string>& keys :
       {std::vector<std::string>{""}, {longest + "!"}, {"a b"}, {"\xc3\xa4"}, {"a", "a"}}) {
    check_bad(kPost, "/", "Idempotency-Key", {.keys = keys});
    check_bad(kPost, "/seq/a", "Idempotency-Key", {.keys = keys});
    check_bad(kPut, "/", "Idempotency-Key", {.body = "5", .keys = keys});
    CHECK(said(kGet, "/seq/a", {.keys = keys}) == "look up 'a' as last");
    CHECK(said(kDelete, "/seq/a", {.keys = keys}) == "remove 'a' 0 as removed");
    CHECK(said(kPost, "/seq/?key=a", {.keys = keys}) == "look up 'a' as object");
  }
}

TEST_CASE("a sequence is moved to the number in the body") {
  CHECK(said(kPut, "/", {.body = "0"}) == "advance '' 0 as number");
  CHECK(said(kPut, "/seq/a", {.body = " \t\r\n18446744073709551615\v\f\n"}) ==
        "advance 'a' 18446744073709551615 as number");
  CHECK(said(kPut, "/seq/a?count=x", {.body = "7", .json = true}) == "advance 'a' 7 as number");
  check_bad(kPut, "/", "empty");
  check_bad(kPut, "/", "empty", {.body = " \n"});
  check_bad(kPut, "/", "too large", {.body = "18446744073709551616"});
  for (const char* body : {"-1", "+1", "1 2", "1.0", "0x1", "a", "\"1\""}) {
    check_bad(kPut, "/seq/a", "no decimal number", {.body = body});
  }
  check_bad(kPut, "/", "no decimal number", {.body = std::string("1\0", 2)});
}

TEST_CASE("a sequence is removed only where that is allowed") {
  CHECK(said(kDelete, "/seq/a") == "remove 'a' 0 as removed");
  const std::string refused = said(kDelete, "/seq/a", {.allow_delete = false});
  CHECK(refused.starts_with("403 "));
  CHECK(refused.find("--allow-delete") != std::string::npos);
}

TEST_CASE("one sequence is read, linearizable unless said otherwise") {
  CHECK(said(kGet, "/seq/a") == "look up 'a' as last");
  CHECK(said(Method::kHead, "/seq/a?consistency=linearizable") == "look up 'a' as last");
  CHECK(said(kGet, "/seq/a?consistency=stale") == "look up 'a' as last stale");
  for (const char* query : {"consistency", "consistency=", "consistency=Stale",
                            "consistency=stale&consistency=stale", "consistency=%f0"}) {
    check_bad(kGet, std::string("/seq/a?") + query, "consistency");
    check_bad(kGet, std::string("/seq/?key=a&") + query, "consistency");
    check_bad(kGet, std::string("/seq?") + query, "consistency");
  }
}

TEST_CASE("several sequences are read by a query or a form, each once") {
  CHECK(said(kGet, "/seq/?key=a&key=b") == "look up 'a' 'b' as object");
  CHECK(said(kGet, "/seq/?key=b&key=a&key=%62&") == "look up 'b' 'a' as object");
  CHECK(said(kGet, "/seq/?key=a+%2b") == "look up 'a +' as object");
  CHECK(said(kPost, "/seq/", {.body = "key=a&key=b&"}) == "look up 'a' 'b' as object");
  CHECK(said(kPost, "/seq/?key=c&consistency=stale", {.body = "key=a"}) ==
        "look up 'c' 'a' as object stale");
  CHECK(said(kPost, "/seq/", {.body = "key=\xc3\xa4&consistency=stale"}) ==
        "look up '\xc3\xa4' as object stale");
  CHECK(said(kGet, "/seq/?key=a", {.body = "key=b", .form = false}).starts_with("415 "));
  CHECK(said(kPost, "/seq/?key=a", {.form = false}) == "look up 'a' as object");
}

TEST_CASE("a lookup without keys, or with malformed ones, is refused") {
  for (const char* target : {"/seq/", "/seq/?", "/seq/?&", "/seq/?keys=a", "/seq/?Key=a"}) {
    CHECK(said(kGet, target) == "400 Cannot query an empty list of sequences");
    CHECK(said(kPost, target) == "400 Cannot query an empty list of sequences");
  }
  check_bad(kGet, "/seq/?key=", "empty");
  check_bad(kGet, "/seq/?key=a&key", "empty");
  check_bad(kGet, "/seq/?key=a&key=%zz", "hexadecimal");
  check_bad(kPost, "/seq/", "not UTF-8", {.body = "key=\xff"});
  std::string many;
  for (int i = 0; i < 300; ++i) {
    many += "&key=" + std::to_string(1000 + i) + std::string(251, 'x');
  }
  check_bad(kPost, "/seq/", "76500 bytes together", {.body = many});
}

TEST_CASE("sequences are listed page by page") {
  CHECK(said(kGet, "/seq") == "list '' '' 100 as page");
  CHECK(said(kGet, "/seq?prefix=a+b&after=a%20b") == "list 'a b' 'a b' 100 as page");
  CHECK(said(kGet, "/seq?limit=1000&prefix=&after=&consistency=stale") ==
        "list '' '' 1000 as page stale");
  for (const char* limit : {"", "=", "=0", "=1001", "=x", "=1&limit=1"}) {
    check_bad(kGet, std::string("/seq?limit") + limit, "limit");
  }
  for (const std::string name : {"prefix", "after"}) {
    check_bad(kGet, "/seq?" + name + "=%ff", name + " is not UTF-8");
    check_bad(kGet, "/seq?" + name + "=a&" + name + "=b", name + " is given more than once");
    check_bad(kGet, "/seq?" + name + "=" + std::string(256, 'a'), name + " has 256 bytes");
  }
}

TEST_CASE("the interface describes itself") {
  const std::string answer = said(kGet, "/openapi.json?x");
  CHECK(answer.starts_with("200 {"));
}

TEST_CASE("what a request may need is known before") {
  CHECK(bytes_at_most(Asked{}) == 0);
  CHECK(bytes_at_most(std::get<Asked>(understood(kPost, "/seq/abc", {.keys = {"de"}}))) == 5);
  // At least as much as the longest answers.
  const std::size_t page = bytes_at_most(std::get<Asked>(understood(kGet, "/seq?limit=2")));
  CHECK(page >= 2 * (255 * 6 + std::string(R"({"key":"","last":"18446744073709551615"},)").size()));
  const std::size_t object =
      bytes_at_most(std::get<Asked>(understood(kGet, "/seq/?key=%00&key=b")));
  CHECK(object >=
        std::string(R"({"\u0000":18446744073709551615,"b":18446744073709551615})").size());
}

}  // namespace
}  // namespace ticketd::http
