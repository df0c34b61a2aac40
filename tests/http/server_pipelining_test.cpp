#include <doctest/doctest.h>

#include <string>

#include "tests/http/server_fixture.h"

namespace ticketd::http {
namespace {

std::string repeated(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) {
    result += text;
  }
  return result;
}

/// The bodies of `count` answers of 200, in order, each followed by a comma.
std::string tickets(const std::string& received, std::size_t count) {
  std::string result;
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    REQUIRE(received.compare(at, 15, "HTTP/1.1 200 OK") == 0);
    const std::size_t length_at = received.find("Content-Length: ", at) + 16;
    const std::size_t length = std::stoul(received.substr(length_at, 20));
    at = received.find("\r\n\r\n", at) + 4;
    result += received.substr(at, length) + ",";
    at += length;
  }
  CHECK(at == received.size());
  return result;
}

std::string numbers_to(std::size_t last) {
  std::string result;
  for (std::size_t i = 1; i <= last; ++i) {
    result += std::to_string(i) + ",";
  }
  return result;
}

TEST_CASE_FIXTURE(ServerFixture, "a thousand requests at once are answered in order") {
  start();
  auto client = connect();
  client->send(repeated(kPost, 1000));
  REQUIRE(until([&] { return client->count("HTTP/1.1 200") == 1000; }));
  REQUIRE(client->wait_for("\r\n\r\n1000"));
  CHECK(tickets(client->received, 1000) == numbers_to(1000));
}

TEST_CASE_FIXTURE(ServerFixture, "requests wait together, and each answer finds its place") {
  service.hold = true;
  start();
  auto client = connect();
  client->send(repeated(kPost, 1000));
  // None waits for the answer to another one.
  REQUIRE(until([&] { return service.waiting.size() == 1000; }));
  for (std::size_t i = 1000; i > 1; --i) {
    service.waiting[i - 1](ticket::Done{i, 1});
  }
  loop.poll();
  CHECK(client->received.empty());
  service.waiting[0](ticket::Done{1, 1});
  service.waiting.clear();
  REQUIRE(client->wait_for("\r\n\r\n1000"));
  CHECK(tickets(client->received, 1000) == numbers_to(1000));
}

TEST_CASE_FIXTURE(ServerFixture, "requests wait together for a leader, too") {
  service.hold_leader = true;
  start({.redirect = RedirectMode::k307});
  auto client = connect();
  client->send("POST /?1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /?2 HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(until([&] { return service.leader_waiting.size() == 2; }));
  for (auto& done : std::exchange(service.leader_waiting, {})) {
    done(ticket::LeaderThere{"l:1", ""});
  }
  REQUIRE(client->wait_for("Location: http://l:1/?2\r\n"));
  CHECK(client->received.find("/?1") < client->received.find("/?2"));
}

TEST_CASE_FIXTURE(ServerFixture, "no more requests than the limit wait, and all are answered") {
  service.hold = true;
  start({.limits = {.pipeline = 3}});
  auto client = connect();
  client->send(repeated(kPost, 100));
  std::size_t answered = 0;
  while (answered < 100) {
    REQUIRE(until([&] { return !service.waiting.empty(); }));
    loop.poll();
    CHECK(service.waiting.size() <= 3);
    for (auto& done : std::exchange(service.waiting, {})) {
      done(ticket::Done{++answered, 1});
    }
  }
  REQUIRE(client->wait_for("\r\n\r\n100"));
  CHECK(tickets(client->received, 100) == numbers_to(100));
}

TEST_CASE_FIXTURE(ServerFixture, "a pipeline longer than all buffers is answered whole") {
  start({.limits = {.pipeline = 8, .output_bytes = 2000}});
  auto client = connect();
  client->send(repeated(kPost, 20'000));
  REQUIRE(client->wait_for("\r\n\r\n20000"));
  CHECK(tickets(client->received, 20'000) == numbers_to(20'000));
}

TEST_CASE_FIXTURE(ServerFixture, "answers before a malformed request come before its refusal") {
  service.hold = true;
  start();
  auto client = connect();
  client->send(kPost + kPost + "GET / HTTP/1.1\r\nHost: h\r\n\r\n" + "bad\r\n\r\n" + kPost);
  REQUIRE(until([&] { return service.waiting.size() == 2; }));
  loop.poll();
  CHECK(service.waiting.size() == 2);
  CHECK(client->received.empty());
  service.waiting[1](ticket::Done{2, 1});
  service.waiting[0](ticket::Done{1, 1});
  service.waiting.clear();
  REQUIRE(client->wait_for_end());
  const std::string& all = client->received;
  CHECK(all.find("\r\n\r\n1HTTP/1.1") < all.find("\r\n\r\n2HTTP/1.1"));
  CHECK(all.find("\r\n\r\n2HTTP/1.1 405") < all.find("HTTP/1.1 400"));
  CHECK(client->count("\r\nDate: ") == 4);
}

TEST_CASE_FIXTURE(ServerFixture, "nothing behind Connection: close is answered") {
  start();
  const std::string answer = exchange(kPostAndClose + kPost + kPost);
  CHECK(body_of(answer) == "1");
  CHECK(service.last == 1);
}

TEST_CASE_FIXTURE(ServerFixture, "100 Continue waits for the answers before it") {
  service.hold = true;
  start();
  auto client = connect();
  client->send(kPost +
               "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  REQUIRE(until([&] { return service.waiting.size() == 1; }));
  loop.poll();
  CHECK(client->received.empty());
  service.hold = false;
  service.waiting[0](ticket::Done{7, 1});
  service.waiting.clear();
  REQUIRE(client->wait_for("\r\n\r\n7HTTP/1.1 100 Continue\r\n\r\n"));
  client->send("x");
  CHECK(client->wait_for("\r\n\r\n1"));
}

TEST_CASE_FIXTURE(ServerFixture, "a client that has closed its side still gets every answer") {
  service.hold = true;
  start();
  auto client = connect();
  client->send(kPost + kPost);
  client->half_close();
  REQUIRE(until([&] { return service.waiting.size() == 2; }));
  loop.run_for(20ms);
  CHECK_FALSE(client->ended);
  service.waiting[1](ticket::Done{2, 1});
  service.waiting[0](ticket::Done{1, 1});
  service.waiting.clear();
  REQUIRE(client->wait_for_end());
  CHECK(tickets(client->received, 2) == "1,2,");
}

TEST_CASE_FIXTURE(ServerFixture, "a client that closes its side within a request is told") {
  start();
  auto client = connect();
  client->send(kPost + "POST / HT");
  client->half_close();
  REQUIRE(client->wait_for_end());
  CHECK(client->received.find("\r\n\r\n1HTTP/1.1 400 Bad Request\r\n") != std::string::npos);
}

}  // namespace
}  // namespace ticketd::http
