#include "http/response.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "http/answers.h"

namespace ticketd::http {
namespace {

constexpr Framing kKeep{.persistent = true};

struct Fixture {
  Fixture() { writer.set_time(784111777); }
  ResponseWriter writer{"ticketd/1"};

  std::string ticket(std::uint64_t number, Framing framing) {
    std::string out;
    writer.write_ticket(out, number, framing);
    return out;
  }
  std::string write(const Response& response, Framing framing = kKeep) {
    std::string out;
    writer.write(out, response, framing);
    return out;
  }
};

const std::string kCommon = "Server: ticketd/1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

TEST_CASE_FIXTURE(Fixture, "a ticket's answer is exactly this") {
  CHECK(ticket(42, kKeep) == "HTTP/1.1 200 OK\r\n" + kCommon +
                                 "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n42");
  CHECK(ticket(std::numeric_limits<std::uint64_t>::max(), kKeep)
            .ends_with("Content-Length: 20\r\n\r\n18446744073709551615"));
}

TEST_CASE_FIXTURE(Fixture, "persistence is said where it is not the version's default") {
  CHECK(ticket(1, {}).find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(ticket(1, {.http10 = true, .persistent = true}).find("\r\nConnection: keep-alive\r\n") !=
        std::string::npos);
  CHECK(ticket(1, kKeep).find("Connection:") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "the answer to HEAD has the headers of a body without it") {
  const std::string out = write(not_found("/a"), {.persistent = true, .without_body = true});
  CHECK(out.find("Content-Length: 0") == std::string::npos);
  CHECK(out.ends_with("\r\n\r\n"));
}

TEST_CASE_FIXTURE(Fixture, "no leader has a reason phrase of its own and no body") {
  CHECK(write(leader_unavailable()) == "HTTP/1.1 503 Leader unavailable\r\n" + kCommon +
                                           "Retry-After: 1\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE_FIXTURE(Fixture, "a redirect names the leader and may not be kept") {
  CHECK(write(redirect(Status::kMovedPermanently, "h:1", "/?a=b")) ==
        "HTTP/1.1 301 Moved Permanently\r\n" + kCommon +
            "Location: http://h:1/?a=b\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE_FIXTURE(Fixture, "the date changes with the time") {
  writer.set_time(951782400);
  CHECK(ticket(1, kKeep).find("Date: Tue, 29 Feb 2000 00:00:00 GMT\r\n") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "the other headers are written where they are meant") {
  const std::string out =
      write({.body = "{}", .type = ContentType::kJson, .replayed = true, .applied_index = 5});
  CHECK(out == "HTTP/1.1 200 OK\r\n" + kCommon +
                   "Idempotency-Replayed: true\r\nTicketd-Applied-Index: 5\r\n"
                   "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
}

}  // namespace
}  // namespace ticketd::http
