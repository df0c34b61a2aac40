// Each answer, over a real socket.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/http/server_fixture.h"

namespace ticketd::http {
namespace {

using ticket::NotDone;

TEST_CASE_FIXTURE(ServerFixture, "a ticket is taken at the leader") {
  start();
  const std::string answer = exchange(kPostAndClose);
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\nServer: ticketd/test\r\nDate: "));
  CHECK(
      answer.ends_with("\r\nConnection: close\r\nContent-Type: text/plain\r\n"
                       "Content-Length: 1\r\n\r\n1"));
}

TEST_CASE_FIXTURE(ServerFixture, "a connection is kept for the next request") {
  start();
  auto client = connect();
  client->send(kPost);
  REQUIRE(client->wait_for("\r\n\r\n1"));
  client->send("POST /?query HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  REQUIRE(client->wait_for("\r\n\r\n2"));
  CHECK(client->received.find("Connection:") == std::string::npos);
  CHECK(server->connections() == 1);
}

TEST_CASE_FIXTURE(ServerFixture, "HTTP/1.0 is answered with and without keep-alive") {
  start();
  CHECK(body_of(exchange("POST / HTTP/1.0\r\n\r\n")) == "1");
  auto client = connect();
  client->send("POST / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(client->wait_for("\r\n\r\n2"));
  CHECK(client->received.find("Connection: keep-alive\r\n") != std::string::npos);
  client->send("POST / HTTP/1.0\r\n\r\n");
  CHECK(client->wait_for_end());
  CHECK(client->received.ends_with("\r\n\r\n3"));
}

TEST_CASE_FIXTURE(ServerFixture, "another node redirects, in the way that was chosen") {
  for (const auto& [mode, line] : std::vector<std::pair<RedirectMode, std::string>>{
           {RedirectMode::k301, "301 Moved Permanently"},
           {RedirectMode::k307, "307 Temporary Redirect"},
           {RedirectMode::k308, "308 Permanent Redirect"}}) {
    service.leader = ticket::LeaderThere{"10.0.0.1:8080", ""};
    start({.redirect = mode});
    const std::string answer =
        exchange("POST /?a=b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 " + line + "\r\n"));
    CHECK(answer.find("\r\nLocation: http://10.0.0.1:8080/?a=b\r\n") != std::string::npos);
    CHECK(answer.find("\r\nCache-Control: no-store\r\n") != std::string::npos);
    CHECK(answer.ends_with("\r\nContent-Length: 0\r\n\r\n"));
  }
}

TEST_CASE_FIXTURE(ServerFixture, "a proxying node answers in the leader's stead") {
  service.leader = ticket::LeaderThere{"", ""};
  start({.redirect = RedirectMode::kProxy});
  CHECK(body_of(exchange(kPostAndClose)) == "1");
  CHECK(service.forwarded == 1);
}

TEST_CASE_FIXTURE(ServerFixture, "without a leader the answer says so and the connection is kept") {
  service.leader = ticket::NoLeader{};
  start();
  auto client = connect();
  client->send(kPost);
  REQUIRE(client->wait_for("\r\n\r\n"));
  CHECK(client->starts_with("HTTP/1.1 503 Leader unavailable\r\n"));
  CHECK(client->received.find("\r\nRetry-After: 1\r\nContent-Length: 0\r\n") != std::string::npos);
  CHECK(client->received.find("Connection: close") == std::string::npos);
  service.leader = ticket::LeaderHere{};
  client->send(kPost);
  CHECK(client->wait_for("\r\n\r\n1"));
}

TEST_CASE_FIXTURE(ServerFixture, "a leader without an HTTP address is told as such") {
  service.leader = ticket::LeaderThere{"", "redis:1"};
  start();
  const std::string answer = exchange(kPostAndClose);
  CHECK(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(body_of(answer).find("no HTTP address") != std::string::npos);
}

TEST_CASE_FIXTURE(ServerFixture, "what the service did not do is answered by its reason") {
  struct Case {
    ticket::Answer answer;
    std::string line, body;
  };
  for (const Case& c : std::vector<Case>{
           {NotDone{NotDone::Why::kNoLeader, "x"}, "503 Leader unavailable", ""},
           {NotDone{NotDone::Why::kBusy, "shutting down"}, "503 Service Unavailable",
            "Nothing was done: shutting down\n"},
           {NotDone{NotDone::Why::kNoSpace, "disk is full"}, "507 Insufficient Storage",
            "disk is full\n"},
           {NotDone{NotDone::Why::kOverflow, "used up"}, "409 Conflict", "used up\n"}}) {
    service.answer = c.answer;
    start();
    const std::string answer = exchange(kPostAndClose);
    CHECK(answer.starts_with("HTTP/1.1 " + c.line + "\r\n"));
    CHECK(body_of(answer) == c.body);
  }
}

TEST_CASE_FIXTURE(ServerFixture, "an unknown outcome is never called done or not done") {
  service.answer = ticket::Unknown{"the leader changed."};
  start();
  const std::string answer = exchange(kPostAndClose);
  CHECK(answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"));
  CHECK(body_of(answer).find("outcome unknown") != std::string::npos);
}

TEST_CASE_FIXTURE(ServerFixture, "wrong paths and methods are told at every node without asking") {
  service.leader = ticket::LeaderThere{"10.0.0.1:8080", ""};
  start();
  const std::string rest = " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  const std::string wrong_method = exchange("GET /" + rest);
  CHECK(wrong_method.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
  CHECK(wrong_method.find("\r\nAllow: POST, PUT\r\n") != std::string::npos);
  CHECK(body_of(wrong_method).find("curl -X POST http://h/") != std::string::npos);
  CHECK(body_of(exchange("HEAD /" + rest)) == "");
  CHECK(exchange("OPTIONS *" + rest).starts_with("HTTP/1.1 405 "));
  CHECK(exchange("POST /a" + rest).starts_with("HTTP/1.1 404 Not Found\r\n"));
  CHECK(service.leader_questions == 0);
}

TEST_CASE_FIXTURE(ServerFixture, "a request that was refused is told why, and the client sees it") {
  start();
  struct Case {
    std::string bytes, line;
  };
  for (const Case& c : std::vector<Case>{
           {"garbage\r\n\r\n", "400 Bad Request"},
           {"POST / HTTP/1.1\r\n\r\n", "400 Bad Request"},
           {"FOO / HTTP/1.1\r\nHost: h\r\n\r\n", "501 Not Implemented"},
           {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented"},
           {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", "413 Content Too Large"},
           {"POST / HTTP/1.1\r\nHost: h\r\nA: " + std::string(17'000, 'a'),
            "431 Request Header Fields Too Large"}}) {
    // Much more behind it, which must not turn the answer into a reset.
    const std::string answer = exchange(c.bytes + std::string(200'000, 'x'));
    CHECK(answer.starts_with("HTTP/1.1 " + c.line + "\r\n"));
    CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
    CHECK(body_of(answer).size() > 5);
  }
}

TEST_CASE_FIXTURE(ServerFixture, "a client that asks first is told to send its body") {
  start();
  auto client = connect();
  client->send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  REQUIRE(client->wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
  client->send("abc");
  CHECK(client->wait_for("\r\n\r\n1"));
}

TEST_CASE("an address that cannot be had is an error that names it") {
  asio::io_context loop;
  const auto first = Server::open(loop, {});
  REQUIRE(first.ok());
  const auto second = Server::open(loop, {.port = (*first)->port()});
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find("127.0.0.1:" + std::to_string((*first)->port())) !=
        std::string::npos);
  CHECK_FALSE(Server::open(loop, {.host = "no such host"}).ok());
}

TEST_CASE("an IPv6 address can be listened on") {
  asio::io_context loop;
  CHECK(Server::open(loop, {.host = "::"}).ok());
}

TEST_CASE_FIXTURE(ServerFixture, "a name is listened on at every address, with one port") {
  start({.host = "localhost"});
  asio::io_context resolving;
  std::size_t answered = 0;
  for (const auto& entry : asio::ip::tcp::resolver(resolving).resolve("localhost", "0")) {
    const asio::ip::address address = entry.endpoint().address();
    asio::ip::tcp::acceptor probe(resolving);
    asio::error_code missing;
    probe.open(entry.endpoint().protocol(), missing);
    if (!missing) {
      probe.bind({address, 0}, missing);
    }
    // Some machines have a name for an address that they lack.
    if (!missing) {
      Client client(loop, server->port(), true, address);
      client.send(kPost);
      CHECK(client.wait_for("\r\n\r\n" + std::to_string(++answered)));
    }
  }
  CHECK(answered > 0);
}

TEST_CASE("a port that is taken on one address of a name is an error that names it") {
  asio::io_context loop;
  const auto first = Server::open(loop, {.host = "localhost"});
  REQUIRE(first.ok());
  const auto second = Server::open(loop, {.host = "localhost", .port = (*first)->port()});
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find("HTTP address localhost:" + std::to_string((*first)->port())) !=
        std::string::npos);
}

}  // namespace
}  // namespace ticketd::http
