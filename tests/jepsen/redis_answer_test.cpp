#include "jepsen/redis_answer.h"

#include <doctest/doctest.h>

#include <string>

namespace ticketd::jepsen {
namespace {

Question take(std::uint32_t count = 1) {
  Question question;
  question.sequence = "s";
  question.count = count;
  return question;
}

Question read() {
  Question question = take();
  question.function = Function::kRead;
  return question;
}

/// What a whole reply means.
Answer answer_to(const Question& question, const std::string& text) {
  std::size_t length = 0;
  const auto answer = kRedis.answer(question, text, length);
  REQUIRE_MESSAGE(answer.ok(), answer.error().message);
  REQUIRE(answer->has_value());
  CHECK(length == text.size());
  return **answer;
}

TEST_CASE("a reply is found as soon as it is whole, and not before") {
  for (const std::string text : {"+1\r\n", "-ERR no\r\n", ":7\r\n", "$3\r\n1\r\n\r\n",
                                 "*2\r\n:1\r\n$2\r\n22\r\n", "*0\r\n"}) {
    std::size_t length = 0;
    for (std::size_t size = 0; size < text.size(); ++size) {
      const auto reply = parse_reply(text.substr(0, size), length);
      REQUIRE_MESSAGE(reply.ok(), reply.error().message);
      REQUIRE_FALSE(reply->has_value());
    }
    const auto reply = parse_reply(text + ":9\r\n", length);
    REQUIRE(reply.ok());
    REQUIRE(reply->has_value());
    CHECK(length == text.size());
    CHECK((*reply)->type == text.front());
  }
}

TEST_CASE("what is no reply is refused") {
  std::size_t length = 0;
  for (const char* text :
       {"HTTP/1.1 200 OK\r\n", "$-1\r\n", "$x\r\n", "$1\r\nabc", "*-1\r\n", "*99\r\n",
        "*1\r\n*1\r\n:1\r\n", "*2\r\n:1\r\n?", "$99999999\r\n", "_\r\n"}) {
    INFO(text);
    CHECK_FALSE(parse_reply(text, length).ok());
  }
}

TEST_CASE("commands are written as a server reads them") {
  CHECK(redis_request({}) == "*1\r\n$6\r\nTICKET\r\n");
  Question question = take(30);
  question.key = "k-1";
  CHECK(redis_request(question) ==
        "*6\r\n$6\r\nTICKET\r\n$1\r\ns\r\n$5\r\nCOUNT\r\n$2\r\n30\r\n$10\r\nIDEMPOTENT\r\n"
        "$3\r\nk-1\r\n");
  CHECK(redis_request(read()) == "*2\r\n$10\r\nTICKET.GET\r\n$1\r\ns\r\n");
}

TEST_CASE("replies mean what the protocol's description says") {
  const Reply unnamed = answer_to({}, "+41\r\n").reply;
  CHECK(unnamed.type == EventType::kOk);
  CHECK(unnamed.begin == 41);
  CHECK(unnamed.end == 42);
  CHECK(answer_to(take(), ":41\r\n").reply.begin == 41);
  const Reply three = answer_to(take(3), "*2\r\n:4\r\n:6\r\n").reply;
  CHECK(three.type == EventType::kOk);
  CHECK(three.begin == 4);
  CHECK(three.end == 7);
  CHECK(answer_to(take(), "$19\r\n9223372036854775808\r\n").reply.begin == std::uint64_t{1} << 63);
  CHECK(answer_to(read(), ":41\r\n").reply.end == 42);
  CHECK(answer_to(read(), ":-1\r\n").reply.end == 0);
  CHECK(answer_to(read(), ":-1\r\n").reply.type == EventType::kOk);
  for (const char* refusal :
       {"CLUSTERDOWN No Raft leader", "CLUSTERDOWN The Raft leader runs without --redis_port",
        "TRYAGAIN too much is waiting", "NOSPACE full", "ERR max number of clients reached"}) {
    const Reply reply = answer_to(take(), std::string("-") + refusal + "\r\n").reply;
    CHECK(reply.type == EventType::kFail);
    CHECK(reply.error == refusal);
    CHECK_FALSE(reply.malformed);
  }
  const Reply unknown = answer_to(take(), "-UNKNOWN outcome unknown: time ran out\r\n").reply;
  CHECK(unknown.type == EventType::kInfo);
  CHECK_FALSE(unknown.malformed);
  CHECK(answer_to(take(), "-MOVED 16383 10.77.0.3:7000\r\n").redirect == "10.77.0.3:7000");
}

TEST_CASE("a reply that ticketd never gives is told, and not believed") {
  for (const char* text :
       {"+41\r\n", ":-1\r\n", ":041\r\n", ":+41\r\n", ":\r\n", "$2\r\n41\r\n",
        ":9223372036854775808\r\n", "*2\r\n:4\r\n:6\r\n", "-ERR syntax error\r\n", "-LOADING\r\n",
        "-UNKNOWNS\r\n", "-MOVED\r\n", "-MOVED 7\r\n", "-MOVED 16384 10.0.0.1:1\r\n"}) {
    const Answer answer = answer_to(take(), text);
    CHECK_MESSAGE(answer.reply.malformed, text);
    CHECK(answer.reply.type == EventType::kInfo);
    CHECK_FALSE(answer.redirect);
  }
  CHECK(answer_to({}, ":41\r\n").reply.malformed);
  CHECK(answer_to(read(), ":-2\r\n").reply.malformed);
  for (const char* text : {":4\r\n", "*1\r\n:4\r\n", "*2\r\n:6\r\n:4\r\n", "*2\r\n+4\r\n+6\r\n"}) {
    CHECK_MESSAGE(answer_to(take(3), text).reply.malformed, text);
  }
  // A reply of another size is a reply: the checker judges it.
  CHECK_FALSE(answer_to(take(3), "*2\r\n:4\r\n:5\r\n").reply.malformed);
}

}  // namespace
}  // namespace ticketd::jepsen
