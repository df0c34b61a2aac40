#include <doctest/doctest.h>

#include <string>

#include "tests/http/server_fixture.h"

namespace ticketd::http {
namespace {

TEST_CASE_FIXTURE(ServerFixture, "closing without connections ends on the loop, not in the call") {
  start();
  bool closed = false;
  server->close([&] { closed = true; });
  CHECK_FALSE(closed);
  CHECK(until([&] { return closed; }));
}

TEST_CASE_FIXTURE(ServerFixture, "closing ends idle connections and lets requests be answered") {
  service.hold = true;
  start();
  auto idle = connect();
  auto busy = connect();
  busy->send(kPost + kPost);
  REQUIRE(until([&] { return service.waiting.size() == 2 && server->connections() == 2; }));
  bool closed = false;
  server->close([&] { closed = true; });
  REQUIRE(idle->wait_for_end());
  loop.run_for(20ms);
  CHECK_FALSE(closed);
  CHECK(server->connections() == 1);
  service.waiting[0](ticket::Done{1, 1});
  service.waiting[1](ticket::Done{2, 1});
  service.waiting.clear();
  REQUIRE(busy->wait_for_end());
  CHECK(busy->received.ends_with("\r\n\r\n2"));
  CHECK(busy->count("Connection: close") == 1);
  busy.reset();
  CHECK(until([&] { return closed; }));
}

TEST_CASE_FIXTURE(
    ServerFixture,
    "a request on its way to a closing server is answered, as its connection's last") {
  start();
  auto client = connect();
  client->send(kPost);
  REQUIRE(client->wait_for("\r\n\r\n1"));
  bool closed = false;
  server->close([&] { closed = true; });
  loop.run_for(20ms);
  client->send(kPost);
  REQUIRE(client->wait_for_end());
  CHECK(client->received.ends_with("\r\n\r\n2"));
  CHECK(client->count("Connection: close") == 1);
  client.reset();
  CHECK(until([&] { return closed; }));
}

TEST_CASE_FIXTURE(ServerFixture, "a request that has begun to arrive is served while closing") {
  start();
  auto client = connect();
  client->send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  REQUIRE(client->wait_for("100 Continue"));
  bool closed = false;
  server->close([&] { closed = true; });
  client->send("x" + kPost);
  REQUIRE(client->wait_for_end());
  CHECK(client->received.find("Connection: close") != std::string::npos);
  CHECK(client->count("HTTP/1.1 200") >= 1);
  client.reset();
  CHECK(until([&] { return closed; }));
}

TEST_CASE_FIXTURE(ServerFixture, "closing takes no longer than its limit") {
  service.hold = true;
  start({.limits = {.close_time = 50ms}});
  auto client = connect();
  client->send(kPost);
  REQUIRE(until([&] { return service.waiting.size() == 1; }));
  bool closed = false;
  server->close([&] { closed = true; });
  CHECK(until([&] { return closed; }));
  CHECK(server->connections() == 0);
}

TEST_CASE_FIXTURE(ServerFixture,
                  "after stop_accepting connections go on and new ones are refused") {
  start();
  auto client = connect();
  REQUIRE(until([&] { return server->connections() == 1; }));
  const std::uint16_t port = server->port();
  server->stop_accepting();
  client->send(kPost);
  CHECK(client->wait_for("\r\n\r\n1"));
  asio::ip::tcp::socket late(loop);
  asio::error_code error;
  late.connect({asio::ip::make_address("127.0.0.1"), port}, error);
  CHECK(error);
}

TEST_CASE_FIXTURE(ServerFixture, "the server may go while everything is under way") {
  service.hold = true;
  start();
  auto waiting = connect();
  waiting->send(kPost);
  auto idle = connect();
  REQUIRE(until([&] { return service.waiting.size() == 1 && server->connections() == 2; }));
  // Queued but not run: an answer's flush, a request's bytes.
  service.waiting[0](ticket::Done{1, 1});
  service.waiting.clear();
  idle->send(kPost);
  server.reset();
  CHECK(waiting->wait_for_end());
  loop.run_for(10ms);
}

TEST_CASE_FIXTURE(ServerFixture, "answers that come after the client or the server are dropped") {
  service.hold = true;
  start({.limits = {.stalled_time = 50ms}});
  auto client = connect();
  client->send(kPost + kPost);
  REQUIRE(until([&] { return service.waiting.size() == 2; }));
  SUBCASE("the client is gone") {
    client.reset();
    loop.run_for(10ms);
    service.waiting[0](ticket::Done{1, 1});
    loop.run_for(10ms);
    service.waiting[1](ticket::Done{2, 1});
    CHECK(until([&] { return server->connections() == 0; }));
  }
  SUBCASE("the server is gone") {
    server.reset();
    service.waiting[1](ticket::Done{2, 1});
    service.waiting[0](ticket::Done{1, 1});
  }
  service.waiting.clear();
}

}  // namespace
}  // namespace ticketd::http
