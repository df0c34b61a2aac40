// Shapes of requests that servers were fooled by: what each is answered with, and that nothing is
// done for it. Pipelines, slow clients and half-closed sockets have tests of their own beside this.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/http/server_fixture.h"

namespace ticketd::http {
namespace {

/// The request that an attacker hides in another one.
const std::string kHidden = "PUT /seq/hidden HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n9";

struct Robustness : ServerFixture {
  Robustness() { start(); }

  /// Answered with this status alone, and the connection ends: nothing behind it is read.
  void check_refused(const std::string& bytes, const std::string& status = "400 Bad Request") {
    CAPTURE(bytes);
    auto client = connect();
    client->send(bytes + kHidden);
    REQUIRE(client->wait_for_end());
    CHECK(status_of(client->received) == status);
    CHECK(header(client->received, "Connection") == "close");
    CHECK(body_of(client->received).ends_with("\n"));
    CHECK(client->count("\r\nServer: ") == 1);
    CHECK_FALSE(service.changed);
  }
};

TEST_CASE_FIXTURE(Robustness, "Content-Length and Transfer-Encoding together are refused") {
  const std::string length = "Content-Length: 5\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  for (const std::string method : {"POST /seq/a", "PUT /seq/a", "GET /seq/a", "POST /seq/"}) {
    const std::string head = method + " HTTP/1.1\r\nHost: h\r\n";
    check_refused(head + length + chunked + "\r\n0\r\n\r\n");
    check_refused(head + chunked + length + "\r\n0\r\n\r\n");
    check_refused(head + chunked + "Content-Length: 0\r\n\r\n0\r\n\r\n");
    check_refused(head + "Transfer-Encoding : chunked\r\n" + length + "\r\n0\r\n\r\n");
    check_refused(head + "Transfer-Encoding: xchunked\r\n" + length + "\r\n0\r\n\r\n",
                  "501 Not Implemented");
  }
}

TEST_CASE_FIXTURE(Robustness, "conflicting and repeated lengths are refused") {
  const std::string head = "PUT /seq/a HTTP/1.1\r\nHost: h\r\n";
  check_refused(head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n12");
  check_refused(head + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n1");
  check_refused(head + "Content-Length: 1, 1\r\n\r\n1");
  check_refused(head + "Content-Length: 1 1\r\n\r\n1");
  check_refused(head + "Content-Length: +1\r\n\r\n1");
  check_refused(head + "Content-Length: 0x1\r\n\r\n1");
  check_refused(head + "Content-Length:\r\n\r\n1");
}

TEST_CASE_FIXTURE(Robustness, "a folded header is refused") {
  check_refused("PUT /seq/a HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n 1\r\n\r\n1");
  check_refused("PUT /seq/a HTTP/1.1\r\nHost: h\r\nA: b\r\n\tContent-Length: 1\r\n\r\n1");
  check_refused("PUT /seq/a HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n");
  check_refused("POST / HTTP/1.1\r\nHost: h\r\nIdempotency-Key: a\r\n b\r\n\r\n");
}

TEST_CASE_FIXTURE(Robustness, "a bare line feed or carriage return is refused") {
  check_refused("POST / HTTP/1.1\nHost: h\n\n");
  check_refused("POST / HTTP/1.1\r\nHost: h\n\r\n");
  check_refused("POST / HTTP/1.1\r\nHost: h\r\nA: b\nContent-Length: 90\r\n\r\n");
  check_refused("POST / HTTP/1.1\r\nHost: h\r\nA: b\rContent-Length: 90\r\n\r\n");
  const std::string chunked =
      "PUT /seq/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  check_refused(chunked + "1\n5\r\n0\r\n\r\n");
  check_refused(chunked + "1\r\n5\n0\r\n\r\n");
  check_refused(chunked + "1\r\n5\r\n0\r\nA: b\n\r\n");
}

TEST_CASE_FIXTURE(Robustness, "chunk extensions are passed over, and no line may hide in them") {
  const std::string chunked =
      "PUT /seq/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(body_of(exchange(
            chunked + "1;a;b=\"c d\"\r\n4\r\n1;x\r\n2\r\n0;last\r\nTrailer: x\r\n\r\n")) == "42");
  service.changed.reset();
  check_refused(chunked + "1;a\nb\r\n4\r\n0\r\n\r\n");
  check_refused(chunked + "1;a\rb\r\n4\r\n0\r\n\r\n");
  check_refused(chunked + "1;" + std::string(20'000, 'a') + "\r\n4\r\n0\r\n\r\n",
                "431 Request Header Fields Too Large");
}

TEST_CASE_FIXTURE(Robustness, "a chunk that is not of its size is refused") {
  const std::string chunked =
      "PUT /seq/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  check_refused(chunked + "1\r\n55\r\n0\r\n\r\n");
  check_refused(chunked + "2\r\n5\r\n0\r\n\r\n");
  check_refused(chunked + "-1\r\n5\r\n0\r\n\r\n");
  check_refused(chunked + "0x1\r\n5\r\n0\r\n\r\n");
  check_refused(chunked + "ffffffffffffffff1\r\n5\r\n0\r\n\r\n");
  check_refused(chunked + "ffffffff\r\n5\r\n0\r\n\r\n", "413 Content Too Large");
}

TEST_CASE_FIXTURE(Robustness, "a target in absolute form is its path") {
  service.sequences = {{"a", 7}};
  CHECK(body_of(exchange(last_request("GET http://other:1/seq/a"))) == "7");
  CHECK(body_of(exchange(last_request("POST HTTP://other?count=2"))) == "1-2");
  const std::string wrong = exchange(last_request("GET http://other:1"));
  CHECK(body_of(wrong).find("http://other:1/") != std::string::npos);
  service.changed.reset();
  check_refused("POST http:///seq/a HTTP/1.1\r\nHost: h\r\n\r\n");
  check_refused("POST ftp://h/seq/a HTTP/1.1\r\nHost: h\r\n\r\n");
  check_refused("POST http://user@h/ HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST_CASE_FIXTURE(Robustness, "a target in absolute form is redirected with its path alone") {
  service.leader = ticket::LeaderThere{"leader:1", ""};
  CHECK(header(exchange(last_request("POST http://other:1/?a=b")), "Location") ==
        "http://leader:1/?a=b");
}

TEST_CASE_FIXTURE(Robustness, "a star is a target of OPTIONS alone") {
  const std::string options = exchange(last_request("OPTIONS *"));
  CHECK(status_of(options) == "405 Method Not Allowed");
  CHECK(header(options, "Allow") == "POST, PUT, GET, HEAD, DELETE");
  CHECK(status_of(exchange(last_request("GET *"))) == "404 Not Found");
  CHECK(status_of(exchange(last_request("POST *"))) == "404 Not Found");
  CHECK(header(exchange(last_request("OPTIONS /seq/a")), "Allow") ==
        "POST, GET, HEAD, PUT, DELETE");
}

TEST_CASE_FIXTURE(Robustness, "HEAD is answered without a body, also where it is wrong") {
  service.sequences = {{"a", 7}};
  auto client = connect();
  const std::string rest = " HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const std::string target :
       {"/seq/a", "/seq/?key=a", "/seq", "/openapi.json", "/", "/nowhere", "/seq/%zz"}) {
    client->send("HEAD " + target + rest);
  }
  client->send(last_request("GET /seq/a"));
  REQUIRE(client->wait_for_end());
  // Eight heads, one behind the other, and the body of the last.
  std::string all = client->received;
  for (int i = 0; i < 8; ++i) {
    REQUIRE(all.starts_with("HTTP/1.1 "));
    CHECK(header(all, "Content-Length") != "0");
    all.erase(0, all.find("\r\n\r\n") + 4);
  }
  CHECK(all == "7");
}

TEST_CASE_FIXTURE(Robustness, "a body that is expected is asked for only where it may come") {
  const std::string expecting = "PUT /seq/a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n";
  SUBCASE("it is read when it comes") {
    auto client = connect();
    client->send(expecting + "Content-Length: 2\r\n\r\n");
    REQUIRE(client->wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
    client->send("42");
    CHECK(client->wait_for("\r\n\r\n42"));
  }
  SUBCASE("one in chunks, too") {
    auto client = connect();
    client->send(expecting + "Transfer-Encoding: chunked\r\n\r\n");
    REQUIRE(client->wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
    client->send("2\r\n42\r\n0\r\n\r\n");
    CHECK(client->wait_for("\r\n\r\n42"));
  }
  SUBCASE("not when it is too large") {
    check_refused(expecting + "Content-Length: 65537\r\n\r\n", "413 Content Too Large");
  }
  SUBCASE("not when something else is expected") {
    check_refused("POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", "417 Expectation Failed");
  }
  SUBCASE("not by HTTP/1.0, which does not know it") {
    CHECK(body_of(exchange("PUT /seq/a HTTP/1.0\r\nExpect: 100-continue\r\n"
                           "Content-Length: 2\r\n\r\n42")) == "42");
  }
}

TEST_CASE_FIXTURE(Robustness, "HTTP/1.0 has every endpoint, and no chunks") {
  CHECK(body_of(exchange("PUT /seq/a HTTP/1.0\r\nContent-Length: 1\r\n\r\n4")) == "4");
  CHECK(body_of(exchange("GET /seq/a HTTP/1.0\r\n\r\n")) == "4");
  CHECK(body_of(exchange("GET /seq/?key=a HTTP/1.0\r\n\r\n")) == "{\"a\":4}");
  service.changed.reset();
  check_refused("PUT /seq/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n5\r\n0\r\n\r\n");
  check_refused("GET /seq/a HTTP/0.9\r\n\r\n", "505 HTTP Version Not Supported");
  check_refused("GET /seq/a\r\n\r\n");
}

TEST_CASE_FIXTURE(Robustness, "a client that closes its side within a body has nothing done") {
  for (const std::string body :
       {"Content-Length: 2\r\n\r\n4", "Transfer-Encoding: chunked\r\n\r\n1\r\n4\r\n"}) {
    auto client = connect();
    client->send("PUT /seq/a HTTP/1.1\r\nHost: h\r\n" + body);
    client->half_close();
    REQUIRE(client->wait_for_end());
    CHECK(status_of(client->received) == "400 Bad Request");
  }
  CHECK_FALSE(service.changed);
}

TEST_CASE_FIXTURE(Robustness, "the body of a request that is wrong otherwise is still its body") {
  auto client = connect();
  const std::string hidden_body =
      " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(kHidden.size()) + "\r\n\r\n" +
      kHidden;
  client->send("POST /nowhere" + hidden_body + "PATCH /seq/a" + hidden_body + "GET /seq/%zz" +
               hidden_body + "DELETE /seq/a" + hidden_body + "PUT /seq/a" + hidden_body +
               last_request("POST /"));
  REQUIRE(client->wait_for_end());
  for (const std::string status : {"404", "405", "400", "403", "400", "200"}) {
    CHECK(client->count("HTTP/1.1 " + status) == (status == "400" ? 2 : 1));
  }
  CHECK(service.sequences.empty());
}

TEST_CASE_FIXTURE(ServerFixture, "until it serves, a server says so") {
  Result<std::unique_ptr<Server>> opened = Server::open(loop, {});
  REQUIRE(opened.ok());
  server = std::move(*opened);
  server->turn_away();
  const std::string early = exchange(kPost);
  CHECK(status_of(early) == "503 Service Unavailable");
  CHECK(early.find("waits to be admitted") != std::string::npos);
  server->start(service);
  CHECK(status_of(exchange(kPostAndClose)) == "200 OK");
}

}  // namespace
}  // namespace ticketd::http
