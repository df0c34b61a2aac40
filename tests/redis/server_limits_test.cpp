// What is refused, what is closed, what pauses.
#include <doctest/doctest.h>

#include <string>

#include "tests/redis/server_fixture.h"

namespace ticketd::redis {
namespace {

TEST_CASE_FIXTURE(ServerFixture, "a malformed request is told so in its turn, and ends it") {
  CHECK(exchange("PING\r\n*x\r\nPING\r\n") ==
        "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n");
  service.hold = true;
  auto client = connect();
  client->send(kTicket + "*1\r\n:1\r\n" + kTicket);
  REQUIRE(until([&] { return service.waiting.size() == 1; }));
  loop.poll();
  CHECK(client->received.empty());
  service.waiting[0](ticket::Done{1, 1});
  service.waiting.clear();
  REQUIRE(client->wait_for_end());
  CHECK(client->received == "+1\r\n-ERR Protocol error: expected '$', got ':'\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "what is longer than it may be is a malformed request") {
  CHECK(exchange("*65\r\n") == "-ERR Protocol error: invalid multibulk length\r\n");
  CHECK(exchange("*1\r\n$16385\r\n") == "-ERR Protocol error: invalid bulk length\r\n");
  CHECK(exchange(std::string(65'537, 'x')) == "-ERR Protocol error: too big inline request\r\n");
  const std::string echoed(16'384, 'x');
  CHECK(exchange("*2\r\n$4\r\nECHO\r\n$16384\r\n" + echoed + "\r\n") ==
        "$16384\r\n" + echoed + "\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "an end in the middle of a request is told") {
  CHECK(exchange("PING\r\n*1\r\n$4\r\nPI") ==
        "+PONG\r\n-ERR Protocol error: the connection ended in the middle of a request\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "a browser is shown the door before its body is read") {
  const std::string reply = "-ERR Protocol error: this port does not speak HTTP\r\n";
  CHECK(exchange("POST / HTTP/1.1\r\nHost: h\r\n\r\nTICKET\r\n") == reply);
  CHECK(exchange("GET / HTTP/1.1\r\nhost: h\r\n\r\nTICKET\r\n") ==
        "-ERR unknown command 'GET'\r\n" + reply);
  CHECK_FALSE(service.changed);
}

TEST_CASE_FIXTURE(ServerFixture, "one connection too many is told so") {
  start_limited({.connections = 2});
  auto first = connect();
  auto second = connect();
  second->send("PING\r\n");
  REQUIRE(second->wait_for("+PONG\r\n"));
  auto third = connect();
  third->send("PING\r\n");
  REQUIRE(third->wait_for_end());
  CHECK(third->received == "-ERR max number of clients reached\r\n");
  third.reset();
  first.reset();
  REQUIRE(until([&] { return server->connections() == 1; }));
  auto fourth = connect();
  fourth->send("PING\r\n");
  CHECK(fourth->wait_for("+PONG\r\n"));
}

TEST_CASE_FIXTURE(ServerFixture, "a client that does not read is read from no more, then closed") {
  start_limited({.output_bytes = 10'000, .stalled_time = 100ms});
  auto client = connect(false);
  const std::string many = repeated(kTicket, 10'000);
  // Far more than the sockets' buffers hold of answers.
  for (int i = 0; i < 400; ++i) {
    client->send(many);
  }
  REQUIRE(until([&] { return server->connections() == 1; }));
  REQUIRE(until([&] { return server->connections() == 0; }));
  // It stopped to take requests long before all were sent.
  CHECK(service.last < 3'000'000);
}

TEST_CASE_FIXTURE(ServerFixture, "a client that reads late still gets everything") {
  start_limited({.output_bytes = 4096, .stalled_time = 20s});
  auto client = connect(false);
  client->send(repeated("*2\r\n$4\r\nECHO\r\n$100\r\n" + std::string(100, 'x') + "\r\n", 50'000) +
               "PING\r\n");
  loop.run_for(50ms);
  client->read();
  CHECK(client->wait_for("+PONG\r\n"));
}

TEST_CASE_FIXTURE(ServerFixture, "a client that asks for nothing is closed after a while") {
  start_limited({.idle_time = 50ms});
  auto client = connect();
  CHECK(client->wait_for_end());
  CHECK(client->received.empty());
}

TEST_CASE_FIXTURE(ServerFixture, "a request that does not arrive whole in time is refused") {
  start_limited({.request_time = 50ms});
  auto client = connect();
  client->send("*1\r\n$4\r\nPI");
  REQUIRE(client->wait_for_end());
  CHECK(client->received ==
        "-ERR Protocol error: the request did not arrive whole within 50 ms\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "closing ends idle connections and lets requests be answered") {
  service.hold = true;
  start();
  auto idle = connect();
  auto busy = connect();
  busy->send(kTicket);
  REQUIRE(until([&] { return service.waiting.size() == 1 && server->connections() == 2; }));
  bool closed = false;
  server->close([&] { closed = true; });
  REQUIRE(idle->wait_for_end());
  CHECK_FALSE(closed);
  std::exchange(service.waiting, {})[0](ticket::Done{1, 1});
  REQUIRE(busy->wait_for_end());
  CHECK(busy->received == "+1\r\n");
  idle.reset();
  busy.reset();
  CHECK(until([&] { return closed; }));
}

TEST_CASE_FIXTURE(ServerFixture, "until it serves, it knows of no leader") {
  Result<std::unique_ptr<Server>> opened = Server::open(loop, {});
  REQUIRE(opened.ok());
  server = std::move(*opened);
  server->turn_away();
  CHECK(exchange("PING\r\n") == "-CLUSTERDOWN No Raft leader\r\n");
  server->start(service, operations);
  CHECK(exchange("PING\r\n") == "+PONG\r\n");
}

}  // namespace
}  // namespace ticketd::redis
