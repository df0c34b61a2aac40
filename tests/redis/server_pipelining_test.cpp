#include <doctest/doctest.h>

#include <string>

#include "tests/redis/server_fixture.h"

namespace ticketd::redis {
namespace {

TEST_CASE_FIXTURE(ServerFixture, "ten thousand tickets at once come in order") {
  CHECK(exchange(repeated(kTicket, 10'000)) == tickets_to(10'000));
}

TEST_CASE_FIXTURE(ServerFixture, "requests wait together, and each reply finds its place") {
  service.hold = true;
  start();
  auto client = connect();
  // No two that stand together are the same to the byte.
  client->send(repeated(kTicket + "TICKET\r\n", 500));
  REQUIRE(until([&] { return service.waiting.size() == 1000; }));
  for (std::size_t i = 1000; i > 1; --i) {
    service.waiting[i - 1](ticket::Done{i, 1});
  }
  loop.poll();
  CHECK(client->received.empty());
  service.waiting[0](ticket::Done{1, 1});
  service.waiting.clear();
  REQUIRE(client->wait_for("+1000\r\n"));
  CHECK(client->received == tickets_to(1000));
}

TEST_CASE_FIXTURE(ServerFixture, "requests that repeat each other are asked for at once") {
  service.hold = true;
  start();
  auto client = connect();
  client->send(repeated("TICKET a COUNT 5\r\n", 3) + repeated("TICKET a IDEMPOTENT x\r\n", 2) +
               repeated("TICKET.GET a\r\n", 2));
  REQUIRE(until([&] { return service.waiting.size() == 3; }));
  CHECK(service.changed->key == "x");
  CHECK(service.changed->times == 1);
  service.waiting[0](ticket::Done{.first = 10, .count = 5, .times = 3});
  service.waiting[1](ticket::Done{25, 1});
  service.waiting[2](ticket::Done{25, 1, true});
  service.waiting.clear();
  REQUIRE(service.queries_waiting.size() == 2);
  for (auto& done : std::exchange(service.queries_waiting, {})) {
    done(ticket::QueryResult{.found = {{"a", 25}}});
  }
  const std::string rest = ":25\r\n:25\r\n:25\r\n:25\r\n";
  REQUIRE(client->wait_for("*2\r\n:20\r\n:24\r\n" + rest));
  CHECK(client->received ==
        "*2\r\n:10\r\n:14\r\n*2\r\n:15\r\n:19\r\n*2\r\n:20\r\n:24\r\n" + rest);
}

TEST_CASE_FIXTURE(ServerFixture, "of a run that uses a sequence up, the rest is refused") {
  service.answer = ticket::Done{.first = 7, .count = 1, .times = 2};
  CHECK(exchange(repeated("TICKET a\r\n", 3)) ==
        ":7\r\n:8\r\n-ERR the sequence would pass 18446744073709551615, nothing was taken\r\n");
  service.answer = ticket::Unknown{"words"};
  const std::string unknown = exchange("TICKET a\r\n");
  CHECK(unknown.starts_with("-UNKNOWN outcome unknown: words."));
  CHECK(exchange(repeated("TICKET a\r\n", 3)) == unknown + unknown + unknown);
  service.leader = ticket::LeaderThere{"", "l:1"};
  CHECK(exchange(repeated(kTicket, 2)) == "-MOVED 0 l:1\r\n-MOVED 0 l:1\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "what needs no service waits for its turn") {
  service.hold = true;
  start();
  auto client = connect();
  client->send(
      "PING\r\nTICKET\r\nECHO x\r\nHELLO 3\r\nCLIENT GETNAME\r\nTICKET a\r\nNONE\r\n"
      "CLUSTER KEYSLOT a\r\nRAFT.LEADER\r\n");
  REQUIRE(until([&] { return service.waiting.size() == 2; }));
  REQUIRE(client->wait_for("+PONG\r\n"));
  service.waiting[1](ticket::Done{5, 1});
  loop.poll();
  CHECK(client->received == "+PONG\r\n");
  service.waiting[0](ticket::Done{9, 1});
  service.waiting.clear();
  REQUIRE(client->wait_for("+127.0.0.1:9001\r\n"));
  const std::string& all = client->received;
  CHECK(all.starts_with("+PONG\r\n+9\r\n$1\r\nx\r\n%7\r\n"));
  CHECK(all.ends_with("_\r\n:5\r\n-ERR unknown command 'NONE'\r\n:15495\r\n+127.0.0.1:9001\r\n"));
}

TEST_CASE_FIXTURE(ServerFixture, "a read knows of the takes before it, and of none behind it") {
  service.hold = true;
  start();
  auto client = connect();
  client->send("TICKET a\r\nticket a\r\nTICKET.GET a\r\nTICKET.GET b\r\nTICKET a\r\nPING\r\n");
  REQUIRE(until([&] { return service.waiting.size() == 2; }));
  auto takes = std::exchange(service.waiting, {});
  takes[1](ticket::Done{1, 1});
  loop.poll();
  CHECK(service.queries_waiting.empty());
  takes[0](ticket::Done{0, 1});
  // Both reads at once, and the third take when both are answered.
  REQUIRE(service.queries_waiting.size() == 2);
  CHECK(service.waiting.empty());
  auto reads = std::exchange(service.queries_waiting, {});
  reads[0](ticket::QueryResult{.found = {{"a", 1}}});
  CHECK(service.waiting.empty());
  reads[1](ticket::NotDone{ticket::NotDone::Why::kBusy, "words"});
  REQUIRE(service.waiting.size() == 1);
  std::exchange(service.waiting, {})[0](ticket::Done{2, 1});
  REQUIRE(client->wait_for("+PONG\r\n"));
  CHECK(client->received == ":0\r\n:1\r\n:1\r\n-TRYAGAIN words\r\n:2\r\n+PONG\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "takes and reads by turns are answered in order, however many") {
  std::string expected;
  for (int i = 0; i < 5'000; ++i) {
    expected += ":" + std::to_string(i) + "\r\n:" + std::to_string(i) + "\r\n";
  }
  CHECK(exchange(repeated("TICKET a\r\nTICKET.GET a\r\n", 5'000)) == expected);
}

TEST_CASE_FIXTURE(ServerFixture,
                  "a reply keeps the protocol that was spoken when it was asked for") {
  service.hold_leader = true;
  start();
  auto client = connect();
  client->send("CLUSTER SHARDS\r\nHELLO 3\r\nCLUSTER SHARDS\r\n");
  REQUIRE(until([&] { return !service.leader_waiting.empty(); }));
  loop.poll();
  std::exchange(service.leader_waiting, {})[0](ticket::LeaderHere{});
  REQUIRE(client->wait_for("*1\r\n%2\r\n"));
  CHECK(client->starts_with("*1\r\n*4\r\n$5\r\nslots\r\n"));
}

TEST_CASE_FIXTURE(ServerFixture, "the service is asked in order, also while a leader is sought") {
  service.hold_leader = true;
  start();
  auto client = connect();
  client->send("TICKET\r\nTICKET a\r\nPING\r\n");
  REQUIRE(until([&] { return service.leader_waiting.size() == 1; }));
  auto found = std::exchange(service.leader_waiting, {});
  // A leader is there, but the first requests have not been told.
  service.hold_leader = false;
  client->send("TICKET\r\nTICKET.GET a\r\nTICKET\r\n");
  loop.run_for(20ms);
  CHECK(client->received.empty());
  CHECK_FALSE(service.changed);
  CHECK(service.leader_questions == 1);
  found[0](ticket::LeaderHere{});
  REQUIRE(client->wait_for("+3\r\n"));
  CHECK(client->received == "+1\r\n:0\r\n+PONG\r\n+2\r\n:0\r\n+3\r\n");
  // The next one asks anew.
  client->send("TICKET\r\n");
  REQUIRE(client->wait_for("+4\r\n"));
  CHECK(service.leader_questions == 2);
}

TEST_CASE_FIXTURE(ServerFixture, "all that waited for the leader are sent to it") {
  service.hold_leader = true;
  start();
  auto client = connect();
  client->send("TICKET\r\nPING\r\nTICKET a\r\n");
  REQUIRE(until([&] { return service.leader_waiting.size() == 1; }));
  loop.poll();
  std::exchange(service.leader_waiting, {})[0](ticket::LeaderThere{"", "l:1"});
  REQUIRE(client->wait_for("+PONG\r\n-MOVED 15495 l:1\r\n"));
  CHECK(client->received == "-MOVED 0 l:1\r\n+PONG\r\n-MOVED 15495 l:1\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "no more requests than the limit wait, and all are answered") {
  service.hold = true;
  start_limited({.pipeline = 3});
  auto client = connect();
  client->send(repeated(kTicket, 100));
  std::size_t answered = 0;
  while (answered < 100) {
    REQUIRE(until([&] { return !service.waiting.empty(); }));
    loop.poll();
    const std::uint32_t times = service.changed->times;
    CHECK(service.waiting.size() == 1);
    CHECK(times <= 3);
    service.waiting.front()(ticket::Done{.first = answered + 1, .count = 1, .times = times});
    service.waiting.clear();
    answered += times;
  }
  REQUIRE(client->wait_for("+100\r\n"));
  CHECK(client->received == tickets_to(100));
}

TEST_CASE_FIXTURE(ServerFixture, "a client that closes its side still gets every answer") {
  service.hold = true;
  start();
  auto client = connect();
  client->send(repeated(kTicket + "TICKET\r\n", 2) + kTicket + "PING\r\n");
  client->half_close();
  REQUIRE(until([&] { return service.waiting.size() == 5; }));
  loop.run_for(20ms);
  for (std::size_t i = 0; i < 5; ++i) {
    service.waiting[i](ticket::Done{i + 1, 1});
  }
  service.waiting.clear();
  REQUIRE(client->wait_for_end());
  CHECK(client->received == tickets_to(5) + "+PONG\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "QUIT is answered in its turn, and nothing behind it") {
  service.hold = true;
  start();
  auto client = connect();
  client->send(kTicket + "QUIT\r\n" + kTicket + "PING\r\n");
  REQUIRE(until([&] { return service.waiting.size() == 1; }));
  loop.poll();
  service.waiting[0](ticket::Done{1, 1});
  service.waiting.clear();
  REQUIRE(client->wait_for_end());
  CHECK(client->received == "+1\r\n+OK\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "a client that is gone leaves its requests to their end") {
  service.hold = true;
  start();
  auto client = connect();
  client->send(kTicket + "TICKET a\r\nTICKET b\r\n");
  REQUIRE(until([&] { return service.waiting.size() == 3; }));
  client->socket().set_option(asio::socket_base::linger(true, 0));  // it closes by a reset
  client->socket().close();
  client.reset();
  REQUIRE(until([&] { return server->connections() == 0; }));
  for (auto& done : std::exchange(service.waiting, {})) {
    done(ticket::Done{1, 1});
  }
  loop.poll();
}

}  // namespace
}  // namespace ticketd::redis
