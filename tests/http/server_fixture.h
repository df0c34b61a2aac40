// A server on a loopback socket, a service whose answers the test decides, and clients. All on one
// loop, which the test runs until what it waits for has happened.
#pragma once

#include <doctest/doctest.h>

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/server.h"
#include "tests/serve/client.h"
#include "tests/ticket/fake_service.h"

namespace ticketd::http {

using namespace std::chrono_literals;
using serve::testing::Client;
using serve::testing::kDeadline;
using serve::testing::run_until;
using ticket::testing::FakeService;

/// A request whose answer ends the connection. `headers` with their line ends.
inline std::string last_request(const std::string& method_and_target,
                                const std::string& headers = "", const std::string& body = "") {
  const std::string length =
      body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return method_and_target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + headers + length +
         "\r\n" + body;
}

inline const std::string kPost = "POST / HTTP/1.1\r\nHost: h\r\n\r\n";
inline const std::string kPostAndClose = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

struct ServerFixture {
  ~ServerFixture() {
    service.answer_all();
    server.reset();
    loop.poll();
  }

  void start(Options options = {}) {
    options.server = "ticketd/test";
    Result<std::unique_ptr<Server>> opened = Server::open(loop, options);
    REQUIRE(opened.ok());
    server = std::move(*opened);
    REQUIRE(server->port() != 0);
    server->start(service);
  }
  std::unique_ptr<Client> connect(bool reading = true) {
    return std::make_unique<Client>(loop, server->port(), reading);
  }
  bool until(const std::function<bool()>& done) { return run_until(loop, done); }

  /// All that comes back for `bytes` until the server closes.
  std::string exchange(const std::string& bytes) {
    auto client = connect();
    client->send(bytes);
    CHECK(client->wait_for_end());
    return client->received;
  }

  asio::io_context loop{1};
  FakeService service;
  std::unique_ptr<Server> server;
};

/// The value of a header; empty: it is not there.
inline std::string header(const std::string& answer, const std::string& name) {
  const std::string head = answer.substr(0, answer.find("\r\n\r\n") + 2);
  const std::size_t at = head.find("\r\n" + name + ": ");
  const std::size_t begin = at + name.size() + 4;
  return at == std::string::npos ? "" : head.substr(begin, head.find("\r\n", begin) - begin);
}

/// "200", "Not Found" and the like: the status line without the version.
inline std::string status_of(const std::string& answer) {
  return answer.substr(9, answer.find("\r\n") - 9);
}

/// The bytes behind the head of an answer.
inline std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

}  // namespace ticketd::http
