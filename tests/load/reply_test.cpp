#include "load/reply.h"

#include <doctest/doctest.h>

#include <vector>

namespace ticketd::load {
namespace {

Work http() { return {}; }

Work redis() {
  Work work;
  work.protocol = Protocol::kRedis;
  return work;
}

Work with_count(Work work, std::uint64_t count) {
  work.sequence = "k";
  work.count = count;
  return work;
}

Work command(const std::string& expect = "") {
  Work work = redis();
  work.command = "X";
  work.expect = expect;
  return work;
}

Work target(const std::string& expect = "") {
  Work work;
  work.target = "/x";
  work.expect = expect;
  return work;
}

std::string answer(const std::string& status, const std::string& body,
                   const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\nServer: x\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// The reply that `bytes` are, which must be found whole however much follows it, and wanted more
/// of however it is cut short.
Reply whole(const Work& work, const std::string& bytes) {
  CAPTURE(bytes);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    Reply reply;
    REQUIRE(parse_reply(work, std::string_view(bytes).substr(0, cut), reply) == Parsed::kNeedMore);
  }
  const std::string followed = bytes + bytes;
  Reply reply;
  REQUIRE(parse_reply(work, followed, reply) == Parsed::kReply);
  REQUIRE(reply.bytes == bytes.size());
  static std::string kept;  // what the views point into
  kept = bytes;
  REQUIRE(parse_reply(work, kept, reply) == Parsed::kReply);
  REQUIRE(reply.bytes == bytes.size());
  CHECK(reply.text == (reply.outcome == Outcome::kDone ? reply.text : kept));
  return reply;
}

Parsed parsed(const Work& work, const std::string& bytes) {
  Reply reply;
  return parse_reply(work, bytes, reply);
}

void check_tickets(const Reply& reply, std::uint64_t first, std::uint64_t last) {
  CHECK(reply.outcome == Outcome::kDone);
  CHECK(reply.first == first);
  CHECK(reply.last == last);
}

TEST_CASE("tickets in the Redis protocol, split at every byte") {
  check_tickets(whole(redis(), "+42\r\n"), 42, 42);
  check_tickets(whole(redis(), ":0\r\n"), 0, 0);
  check_tickets(whole(redis(), "$20\r\n18446744073709551615\r\n"), 18446744073709551615u,
                18446744073709551615u);
  check_tickets(whole(with_count(redis(), 3), "*2\r\n:7\r\n:9\r\n"), 7, 9);
  check_tickets(whole(with_count(redis(), 1), "*2\r\n$1\r\n7\r\n:7\r\n"), 7, 7);
}

TEST_CASE("what is no ticket is unexpected") {
  for (const std::string bytes : {"+OK\r\n", "$-1\r\n", "*0\r\n", "*2\r\n:1\r\n:2\r\n", "+\r\n"}) {
    CHECK(whole(redis(), bytes).outcome == Outcome::kUnexpected);
  }
  for (const std::string bytes :
       {":1\r\n", "*2\r\n:1\r\n:2\r\n", "*2\r\n:3\r\n:1\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n"}) {
    CHECK(whole(with_count(redis(), 3), bytes).outcome == Outcome::kUnexpected);
  }
  for (const std::string body : {"", "x", "1-2", "42 ", "-1"}) {
    CHECK(whole(http(), answer("200 OK", body)).outcome == Outcome::kUnexpected);
  }
  for (const std::string body : {"7", "7-8", "9-7", "7-"}) {
    CHECK(whole(with_count(http(), 3), answer("200 OK", body)).outcome == Outcome::kUnexpected);
  }
}

TEST_CASE("errors of the Redis protocol") {
  const Reply moved = whole(redis(), "-MOVED 0 127.0.0.1:7001\r\n");
  CHECK(moved.outcome == Outcome::kMoved);
  CHECK(moved.leader == "127.0.0.1:7001");
  CHECK(whole(redis(), "-MOVED\r\n").leader.empty());
  CHECK(whole(redis(), "-CLUSTERDOWN No Raft leader\r\n").outcome == Outcome::kNoLeader);
  CHECK(whole(redis(), "-UNKNOWN who knows\r\n").outcome == Outcome::kUnknown);
  CHECK(whole(command(), "-ERR no\r\n").outcome == Outcome::kRefused);
}

TEST_CASE("any reply of the Redis protocol is measured, and searched for what is expected") {
  for (const std::string bytes :
       {"+OK\r\n", ":-3\r\n", "$-1\r\n", "$0\r\n\r\n", "$4\r\n\r\n\r\n\r\n", "*-1\r\n", "*0\r\n",
        "*2\r\n*1\r\n+a\r\n$1\r\nb\r\n"}) {
    CHECK(whole(command(), bytes).outcome == Outcome::kDone);
  }
  CHECK(whole(command("b"), "*2\r\n+a\r\n$1\r\nb\r\n").outcome == Outcome::kDone);
  CHECK(whole(command("c"), "*2\r\n+a\r\n$1\r\nb\r\n").outcome == Outcome::kUnexpected);
}

TEST_CASE("what the Redis protocol does not know is malformed") {
  for (const std::string bytes :
       {"HTTP/1.1 200 OK\r\n\r\n", "+a\rb", "$x\r\n", "$-2\r\n", "$1\r\nabc", "$99999999\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+a\r\n"}) {
    CAPTURE(bytes);
    CHECK(parsed(command(), bytes) == Parsed::kMalformed);
  }
}

TEST_CASE("tickets over HTTP, split at every byte") {
  check_tickets(whole(http(), answer("200 OK", "42")), 42, 42);
  check_tickets(whole(with_count(http(), 3), answer("200 OK", "7-9")), 7, 9);
  check_tickets(whole(http(), "HTTP/1.1 200 OK\r\nCONTENT-LENGTH:1\r\n\r\n0"), 0, 0);
}

TEST_CASE("failures over HTTP") {
  for (const std::string status : {"301 Moved Permanently", "307 Temporary Redirect"}) {
    const Reply moved =
        whole(http(), answer(status, "", "Location: http://127.0.0.1:8000/seq/a?b\r\n"));
    CHECK(moved.outcome == Outcome::kMoved);
    CHECK(moved.leader == "127.0.0.1:8000");
  }
  CHECK(whole(http(), answer("301 Moved", "")).outcome == Outcome::kUnexpected);
  CHECK(whole(http(), answer("503 Leader unavailable", "")).outcome == Outcome::kNoLeader);
  CHECK(whole(http(), answer("503 Service Unavailable", "x")).outcome == Outcome::kRefused);
  CHECK(whole(http(), answer("507 Insufficient Storage", "x")).outcome == Outcome::kRefused);
  CHECK(whole(http(), answer("504 Gateway Timeout", "x")).outcome == Outcome::kUnknown);
  CHECK_FALSE(whole(http(), answer("404 Not Found", "x")).close);
  CHECK(whole(http(), answer("404 Not Found", "x", "Connection: Close\r\n")).close);
}

TEST_CASE("any answer over HTTP is measured, in chunks too") {
  CHECK(whole(target(), "HTTP/1.1 204 No Content\r\n\r\n").outcome == Outcome::kDone);
  CHECK(whole(target("x"), answer("200 OK", "axb")).outcome == Outcome::kDone);
  CHECK(whole(target("y"), answer("200 OK", "axb")).outcome == Outcome::kUnexpected);
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(whole(target("abc"), chunked + "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n").outcome ==
        Outcome::kDone);
  CHECK(parsed(target(), chunked + "x\r\n") == Parsed::kMalformed);
  CHECK(parsed(target(), chunked + "1\r\nabc") == Parsed::kMalformed);
}

TEST_CASE("what is no HTTP answer is malformed") {
  for (const std::string bytes :
       {"+OK\r\n", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 xxx\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"}) {
    CAPTURE(bytes);
    CHECK(parsed(http(), bytes) == Parsed::kMalformed);
  }
}

TEST_CASE("a reply without an end is given up") {
  CHECK(parsed(command(), "+" + std::string(kReplyBytesMax, 'x')) == Parsed::kMalformed);
  CHECK(parsed(http(), "HTTP/1.1 200 OK\r\nX: " + std::string(kReplyBytesMax, 'x')) ==
        Parsed::kMalformed);
}

}  // namespace
}  // namespace ticketd::load
