#include "redis/parser.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "tests/redis/parse_all.h"

namespace ticketd::redis {
namespace {

/// The same at every cut in two, and byte by byte.
void check_every_cut(const std::string& bytes, const Read& expected,
                     const RequestLimits& limits = {}) {
  CAPTURE(bytes);
  REQUIRE(parse_whole(bytes, limits).requests == expected.requests);
  REQUIRE(parse_whole(bytes, limits).end == expected.end);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    CHECK(parse_all(bytes, cut, bytes.size(), limits) == expected);
  }
  CHECK(parse_all(bytes, 1, 1, limits) == expected);
}

void check_requests(const std::string& bytes, const std::vector<Words>& expected) {
  check_every_cut(bytes, {expected, ""});
}

void check_wrong(const std::string& bytes, const std::string& why,
                 const RequestLimits& limits = {}) {
  check_every_cut(bytes, {{}, "!" + why}, limits);
}

TEST_CASE("an array of bulk strings is a request") {
  check_requests("*1\r\n$6\r\nTICKET\r\n", {{"TICKET"}});
  check_requests("*2\r\n$4\r\nPING\r\n$0\r\n\r\n", {{"PING", ""}});
  check_requests(std::string("*2\r\n$4\r\nECHO\r\n$6\r\n\r\n\0*1\n\r\n", 26),
                 {{"ECHO", std::string("\r\n\0*1\n", 6)}});
}

TEST_CASE("requests follow each other without a gap, of both kinds") {
  check_requests("*1\r\n$6\r\nTICKET\r\nticket a\r\n*1\r\n$4\r\nPING\r\nQUIT\n",
                 {{"TICKET"}, {"ticket", "a"}, {"PING"}, {"QUIT"}});
}

TEST_CASE("what asks for nothing is skipped") {
  check_requests("*0\r\n\r\n\n  \r\n*-1\r\n*1\r\n$4\r\nPING\r\n", {{"PING"}});
}

TEST_CASE("a request that is not whole is waited for") {
  for (const std::string bytes : {"*", "*1\r", "*1\r\n", "*1\r\n$4\r\nPI", "*1\r\n$4\r\nPING\r",
                                  "PING", "PING \"a", "*2\r\n$4\r\nPING\r\n$"}) {
    check_every_cut(bytes, {{}, "..."});
  }
}

TEST_CASE("lengths that are none are refused, in Redis's words") {
  for (const char* count : {"x", "1x", " 1", "1 ", "", "+1", "99999999999999999999", "65"}) {
    check_wrong("*" + std::string(count) + "\r\n", "invalid multibulk length");
  }
  for (const char* length : {"x", "-1", "", "1.5", "16385", "-0x"}) {
    check_wrong("*1\r\n$" + std::string(length) + "\r\n", "invalid bulk length");
  }
  check_wrong("*1\n", "invalid multibulk length");
  check_wrong("*1\r\n$1\n", "invalid bulk length");
}

TEST_CASE("an array of anything else is refused") {
  check_wrong("*1\r\n:1\r\n", "expected '$', got ':'");
  check_wrong("*2\r\n$4\r\nPING\r\n*1\r\n", "expected '$', got '*'");
  check_wrong("*1\r\n\r\n", "expected '$', got '?'");
}

TEST_CASE("a number of too many digits is refused before its line ends") {
  check_wrong("*" + std::string(31, '1'), "too big mbulk count string");
  check_wrong("*1\r\n$" + std::string(31, '1'), "too big bulk count string");
}

TEST_CASE("a bulk string that is longer than it says is refused") {
  check_wrong("*1\r\n$3\r\nPING\r\n", "expected CRLF behind a bulk string");
  check_wrong("*1\r\n$4\r\nPING\n\n", "expected CRLF behind a bulk string");
}

TEST_CASE("what came before the fault is answered") {
  check_every_cut("PING\r\n*1\r\n$4\r\nQUIT\r\n*1\r\n+\r\n",
                  {{{"PING"}, {"QUIT"}}, "!expected '$', got '+'"});
}

TEST_CASE("limits are kept to the byte") {
  const RequestLimits limits{.arguments = 3, .argument_bytes = 5, .request_bytes = 30};
  check_every_cut(written({"a", "b", "c"}), {{{"a", "b", "c"}}, ""}, limits);
  check_wrong("*4\r\n", "invalid multibulk length", limits);
  check_every_cut(written({"abcde"}), {{{"abcde"}}, ""}, limits);
  check_wrong("*1\r\n$6\r\n", "invalid bulk length", limits);
  const std::string fits = written({"abcde", "abcde", "ab"});  // 4 + 11 + 11 + 8
  check_every_cut(fits, {{{"abcde", "abcde", "ab"}}, ""}, {3, 5, fits.size()});
  check_wrong(fits, "too big request", {3, 5, fits.size() - 1});
}

TEST_CASE("an inline request has the same limits") {
  const RequestLimits limits{.arguments = 3, .argument_bytes = 5, .request_bytes = 10};
  check_every_cut("a b c    \r\n", {{{"a", "b", "c"}}, ""}, limits);
  check_wrong("a b c d\r\n", "too many arguments in an inline request", limits);
  check_wrong("abcdefghijk", "too big inline request", limits);
  check_wrong("abcdefghij\r\n", "too big inline request", limits);
}

TEST_CASE("an inline request without its closing quote is refused") {
  check_wrong("ECHO \"a\r\n", "unbalanced quotes in request");
  check_wrong("ECHO 'a'b\r\n", "unbalanced quotes in request");
}

TEST_CASE("requests that repeat the one before are counted, as many as are whole and wanted") {
  const std::string a = written({"TICKET", "a"});
  const std::string bytes = a + a + a + a.substr(0, a.size() - 1);
  Parser parser(RequestLimits{});
  std::string_view input(bytes);
  CHECK(parser.take_repeats(input, 9) == 0);  // of nothing
  REQUIRE(std::holds_alternative<Arguments>(parser.next(input)));
  CHECK(parser.take_repeats(input, 1) == 1);
  CHECK(parser.take_repeats(input, 9) == 1);
  CHECK(input == a.substr(0, a.size() - 1));
  CHECK_FALSE(parser.in_request());
  REQUIRE(std::holds_alternative<NeedMore>(parser.next(input)));
  const std::string rest = "\n" + a;
  input = rest;
  REQUIRE(std::holds_alternative<Arguments>(parser.next(input)));
  CHECK(parser.take_repeats(input, 9) == 0);  // it came in two pieces
  CHECK(input == a);
}

TEST_CASE("what was sent comes back, however it is cut") {
  CHECK(rc::check("round trip", [] {
    const auto distinct = *rc::gen::container<std::vector<Words>>(
        rc::gen::nonEmpty(rc::gen::resize(8, rc::gen::arbitrary<Words>())));
    std::vector<Words> requests;
    for (const Words& words : distinct) {
      requests.insert(requests.end(), *rc::gen::inRange<std::size_t>(1, 5), words);
    }
    std::string bytes;
    for (const Words& words : requests) {
      bytes += written(words);
    }
    RC_PRE(!bytes.empty());
    const auto first = *rc::gen::inRange<std::size_t>(1, bytes.size() + 1);
    const auto size = *rc::gen::inRange<std::size_t>(1, bytes.size() + 1);
    RC_ASSERT(parse_whole(bytes).requests == requests);
    RC_ASSERT((parse_all(bytes, first, size) == Read{requests, ""}));
    RC_ASSERT((parse_all(bytes, 1, 1) == Read{requests, ""}));
  }));
}

TEST_CASE("any bytes mean the same however they are cut") {
  const RequestLimits limits{.arguments = 4, .argument_bytes = 12, .request_bytes = 40};
  CHECK(rc::check("any cut", [&] {
    // Bytes that matter, more often than others.
    const auto bytes = *rc::gen::container<std::string>(
        rc::gen::oneOf(rc::gen::arbitrary<char>(),
                       rc::gen::elementOf(std::string("*$*$\r\n\r\n0123456789-\"'\\x abTICKET"))));
    RC_PRE(!bytes.empty());
    const auto first = *rc::gen::inRange<std::size_t>(1, bytes.size() + 1);
    const auto size = *rc::gen::inRange<std::size_t>(1, bytes.size() + 1);
    const Read whole = parse_whole(bytes, limits);
    RC_ASSERT(parse_all(bytes, first, size, limits) == whole);
    RC_ASSERT(parse_all(bytes, 1, 1, limits) == whole);
    Read twice = whole;
    twice.requests.insert(twice.requests.end(), whole.requests.begin(), whole.requests.end());
    if (whole.end.empty()) {
      RC_ASSERT(parse_whole(bytes + bytes, limits) == twice);
    }
  }));
}

}  // namespace
}  // namespace ticketd::redis
