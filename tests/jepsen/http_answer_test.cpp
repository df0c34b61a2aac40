#include "jepsen/http_answer.h"

#include <doctest/doctest.h>

#include <string>

namespace ticketd::jepsen {
namespace {

HttpAnswer answer_of(int status, std::string body) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

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

TEST_CASE("an answer is found as soon as it is whole, and not before") {
  const std::string text =
      "HTTP/1.1 301 Moved Permanently\r\nServer: ticketd/0.1.0\r\nLOCATION: http://a/\r\n"
      "Connection: close\r\nContent-Length: 5\r\n\r\nhello";
  const std::string more = text + "HTTP/1.1 200 OK";
  std::size_t length = 0;
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto answer = parse_answer(more.substr(0, size), length);
    REQUIRE_MESSAGE(answer.ok(), answer.error().message);
    REQUIRE_FALSE(answer->has_value());
  }
  const auto answer = parse_answer(more, length);
  REQUIRE(answer.ok());
  REQUIRE(answer->has_value());
  CHECK(length == text.size());
  CHECK((*answer)->status == 301);
  CHECK((*answer)->body == "hello");
  CHECK((*answer)->location == "http://a/");
  CHECK((*answer)->close);
}

TEST_CASE("what is no answer is refused") {
  std::size_t length = 0;
  for (const char* text :
       {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "FTP", "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nhm\r\n\r\n"}) {
    INFO(text);
    CHECK_FALSE(parse_answer(text, length).ok());
  }
}

TEST_CASE("requests are written as a server reads them") {
  Question question;
  CHECK(request_text(question, "h:1") ==
        "POST / HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n");
  question.sequence = "a/b \xc3\xa9";
  question.count = 3;
  question.key = "k-1";
  CHECK(request_text(question, "h:1") ==
        "POST /seq/a%2Fb%20%C3%A9?count=3 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n"
        "Idempotency-Key: k-1\r\n\r\n");
  CHECK(request_text(read(), "h:1") == "GET /seq/s HTTP/1.1\r\nHost: h:1\r\n\r\n");
}

TEST_CASE("answers mean what the interface's description says") {
  const Reply one = meaning(take(), answer_of(200, "41"));
  CHECK(one.type == EventType::kOk);
  CHECK(one.begin == 41);
  CHECK(one.end == 42);
  const Reply three = meaning(take(3), answer_of(200, "4-6"));
  CHECK(three.type == EventType::kOk);
  CHECK(three.begin == 4);
  CHECK(three.end == 7);
  CHECK(meaning(read(), answer_of(200, "41")).end == 42);
  CHECK(meaning(read(), answer_of(200, "-1")).end == 0);
  CHECK(meaning(read(), answer_of(200, "-1")).type == EventType::kOk);
  for (const int status : {400, 409, 422, 503, 507}) {
    CHECK(meaning(take(), answer_of(status, "")).type == EventType::kFail);
  }
  const Reply unknown = meaning(take(), answer_of(504, "outcome unknown"));
  CHECK(unknown.type == EventType::kInfo);
  CHECK(unknown.error == "504 outcome unknown");
  CHECK_FALSE(unknown.malformed);
}

TEST_CASE("an answer that ticketd never gives is told, and not believed") {
  for (const char* body : {"", "x", "-1", "4-6", "41 ", " 41", "18446744073709551615", "41\n"}) {
    const Reply reply = meaning(take(), answer_of(200, body));
    CHECK_MESSAGE(reply.malformed, body);
    CHECK(reply.type == EventType::kInfo);
  }
  for (const char* body : {"41", "4-", "6-4", "-6", "4-6-8"}) {
    CHECK_MESSAGE(meaning(take(3), answer_of(200, body)).malformed, body);
  }
  CHECK(meaning(read(), answer_of(200, "-2")).malformed);
  for (const int status : {201, 204, 302, 418, 500, 502}) {
    CHECK_MESSAGE(meaning(take(), answer_of(status, "")).malformed, status);
  }
  // An answer of another size is an answer: the checker judges it.
  CHECK_FALSE(meaning(take(3), answer_of(200, "4-5")).malformed);
}

}  // namespace
}  // namespace ticketd::jepsen
