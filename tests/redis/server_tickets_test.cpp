// Tickets, sequences, and who answers.
#include <doctest/doctest.h>

#include <string>

#include "tests/redis/server_fixture.h"

namespace ticketd::redis {
namespace {

constexpr std::uint64_t kLargest = 18446744073709551615u;

TEST_CASE_FIXTURE(ServerFixture, "a ticket is a simple string, one more each time") {
  CHECK(exchange(kTicket + "ticket\r\n" + kTicket) == "+1\r\n+2\r\n+3\r\n");
  CHECK(service.changed->sequence.empty());
  CHECK(service.changed->value == 1);
}

TEST_CASE_FIXTURE(ServerFixture, "a sequence's number is an integer, a range the first and last") {
  CHECK(exchange("TICKET a\r\nTICKET a\r\nticket a count 10\r\nTICKET a COUNT 1\r\n") ==
        ":0\r\n:1\r\n*2\r\n:2\r\n:11\r\n*2\r\n:12\r\n:12\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "a token makes a request one that counts once") {
  CHECK(exchange("TICKET a IDEMPOTENT x-1\r\n") == ":0\r\n");
  CHECK(service.changed->key == "x-1");
  CHECK(exchange("TICKET a idempotent x-2 Count 3\r\n") == "*2\r\n:1\r\n:3\r\n");
  CHECK(service.changed->key == "x-2");
  CHECK(service.changed->value == 3);
  CHECK(exchange("TICKET a COUNT 1000000 IDEMPOTENT x-3\r\n").starts_with("*2\r\n:4\r\n"));
}

TEST_CASE_FIXTURE(ServerFixture, "numbers that clients have no integer for are bulk strings") {
  service.answer = ticket::Done{kLargest - 1, 2};
  CHECK(exchange("TICKET a\r\nTICKET a COUNT 2\r\nTICKET\r\n") ==
        "$20\r\n18446744073709551614\r\n"
        "*2\r\n$20\r\n18446744073709551614\r\n$20\r\n18446744073709551615\r\n"
        "+18446744073709551614\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "a sequence is read without being counted") {
  service.sequences = {{"a", 41}, {"b", kLargest}};
  CHECK(exchange("TICKET.GET a\r\nticket.get none\r\nTICKET.GET b\r\n") ==
        ":41\r\n:-1\r\n$20\r\n18446744073709551615\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "what a request has wrong is said before the leader is asked") {
  struct Case {
    std::string request, reply;
  };
  const std::string long_key(256, 'k');
  for (const Case& c : std::vector<Case>{
           {"TICKET a b", "-ERR syntax error"},
           {"TICKET a COUNT", "-ERR syntax error"},
           {"TICKET a COUNT 1 COUNT 2", "-ERR syntax error"},
           {"TICKET a IDEMPOTENT x IDEMPOTENT y", "-ERR syntax error"},
           {"TICKET a COUNT 0", "-ERR COUNT must be a whole number from 1 to 1000000"},
           {"TICKET a COUNT 1000001", "-ERR COUNT must be a whole number from 1 to 1000000"},
           {"TICKET a COUNT -1", "-ERR COUNT must be a whole number from 1 to 1000000"},
           {"TICKET a COUNT x", "-ERR COUNT must be a whole number from 1 to 1000000"},
           {"TICKET a IDEMPOTENT \"\"",
            "-ERR the token of IDEMPOTENT must be 1 to 64 visible ASCII characters"},
           {"TICKET a IDEMPOTENT \"x y\"",
            "-ERR the token of IDEMPOTENT must be 1 to 64 visible ASCII characters"},
           {"TICKET \"\"", "-ERR the key is empty: it must have 1 to 255 bytes"},
           {"TICKET " + long_key, "-ERR the key has 256 bytes: it may have 255"},
           {"TICKET \"\\xff\"", "-ERR the key is not UTF-8"},
           {"TICKET.GET \"\"", "-ERR the key is empty: it must have 1 to 255 bytes"},
           {"TICKET a COUNT 1 IDEMPOTENT x y", "-ERR wrong number of arguments"},
           {"TICKET.GET", "-ERR wrong number of arguments"},
       }) {
    CAPTURE(c.request);
    CHECK(exchange(c.request + "\r\n") == c.reply + "\r\n");
  }
  CHECK(service.leader_questions == 0);
}

TEST_CASE_FIXTURE(ServerFixture, "a follower sends its clients to the leader's Redis port") {
  service.leader = ticket::LeaderThere{"h:1", "h:7000"};
  // Each for the slot of its key.
  CHECK(exchange("TICKET\r\nTICKET a\r\nTICKET.GET foo\r\nRAFT.REMOVESERVER 3\r\n") ==
        "-MOVED 0 h:7000\r\n-MOVED 15495 h:7000\r\n-MOVED 12182 h:7000\r\n-MOVED 0 h:7000\r\n");
  // Without brackets, as Redis does: clients take it apart at the last colon.
  service.leader = ticket::LeaderThere{"h:1", "[::1]:7000"};
  CHECK(exchange("TICKET\r\n") == "-MOVED 0 ::1:7000\r\n");
  CHECK_FALSE(service.changed);
  CHECK_FALSE(operations.removed);
}

TEST_CASE_FIXTURE(ServerFixture, "without a leader, or a way to it, the cluster is down") {
  service.leader = ticket::NoLeader{};
  CHECK(exchange("TICKET\r\nTICKET.GET a\r\n") == repeated("-CLUSTERDOWN No Raft leader\r\n", 2));
  service.leader = ticket::LeaderThere{"h:1", ""};
  CHECK(exchange("TICKET\r\n") == "-CLUSTERDOWN The Raft leader runs without --redis_port\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "what was not done has a code that says whether to ask again") {
  using Why = ticket::NotDone::Why;
  struct Case {
    Why why;
    std::string reply;
  };
  for (const Case& c : std::vector<Case>{{Why::kNoLeader, "-CLUSTERDOWN No Raft leader"},
                                         {Why::kBusy, "-TRYAGAIN words"},
                                         {Why::kKeysFull, "-TRYAGAIN words"},
                                         {Why::kNoSpace, "-NOSPACE words"},
                                         {Why::kOverflow, "-ERR words"},
                                         {Why::kBehind, "-ERR words"},
                                         {Why::kKeyReused, "-ERR words"},
                                         {Why::kForbidden, "-ERR words"}}) {
    service.answer = ticket::NotDone{c.why, "words"};
    CHECK(exchange("TICKET\r\nTICKET a COUNT 2\r\n") == c.reply + "\r\n" + c.reply + "\r\n");
  }
  service.query_answer = ticket::NotDone{Why::kBusy, "words"};
  CHECK(exchange("TICKET.GET a\r\n") == "-TRYAGAIN words\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "who asked a leader that lost its office is sent to the next one") {
  service.hold = true;
  operations.hold = true;
  start();
  auto client = connect();
  client->send("TICKET\r\nTICKET a COUNT 2\r\nRAFT.REMOVESERVER 3\r\n");
  REQUIRE(until([&] { return service.waiting.size() == 2 && operations.waiting.size() == 1; }));
  service.hold_leader = true;
  const ticket::NotDone lost{ticket::NotDone::Why::kNoLeader, "words"};
  for (auto& done : std::exchange(service.waiting, {})) done(lost);
  std::exchange(operations.waiting, {})[0](Outcome{Outcome::Kind::kNoLeader, "words"});
  loop.poll();
  REQUIRE(service.leader_waiting.size() == 3);
  CHECK(client->received.empty());
  for (auto& done : std::exchange(service.leader_waiting, {})) {
    done(ticket::LeaderThere{"h:1", "h:7000"});
  }
  const std::string moved = "-MOVED 0 h:7000\r\n-MOVED 15495 h:7000\r\n-MOVED 0 h:7000\r\n";
  REQUIRE(client->wait_for(moved));
  service.hold_leader = false;
  client->send("TICKET.GET a\r\n");
  REQUIRE(until([&] { return service.queries_waiting.size() == 1; }));
  service.leader = ticket::LeaderThere{"h:1", "h:7000"};
  std::exchange(service.queries_waiting, {})[0](lost);
  REQUIRE(client->wait_for(moved + "-MOVED 15495 h:7000\r\n"));
}

TEST_CASE_FIXTURE(ServerFixture, "an unknown outcome is never a redirect") {
  service.answer = ticket::Unknown{"words"};
  CHECK(exchange("TICKET\r\n").starts_with("-UNKNOWN outcome unknown: words."));
  CHECK(exchange("TICKET a\r\n").starts_with("-UNKNOWN outcome unknown: words."));
}

}  // namespace
}  // namespace ticketd::redis
