// The client against servers that do as they are told, on the loopback.
#include "jepsen/http_client.h"

#include <doctest/doctest.h>

#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace ticketd::jepsen {
namespace {

using asio::ip::tcp;

std::string answer(const std::string& status, const std::string& body,
                   const std::string& header = "") {
  return "HTTP/1.1 " + status + "\r\n" + header + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

/// Answers one request after the other with what it was given. An empty answer closes the
/// connection instead, "..." says nothing any more.
class Server {
 public:
  Server() : acceptor_(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
  ~Server() { finish(); }

  Address address() const { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }

  /// Until all of the play is over.
  void finish() {
    if (thread_.joinable()) thread_.join();
  }

  /// The thread ends when the last answer was given and the client has closed.
  void play(std::vector<std::string> answers) {
    thread_ = std::thread([this, answers = std::move(answers)] {
      std::optional<tcp::socket> connection;
      for (const std::string& text : answers) {
        if (!connection) connection.emplace(acceptor_.accept()), ++connections;
        std::string request;
        std::error_code error;
        asio::read_until(*connection, asio::dynamic_buffer(request), "\r\n\r\n", error);
        if (error) return;
        requests.push_back(request);
        ++seen;
        if (text.empty()) {
          connection.reset();
        } else if (text != "...") {
          asio::write(*connection, asio::buffer(text), error);
        }
      }
      char byte;
      std::error_code error;
      if (connection) connection->read_some(asio::buffer(&byte, 1), error);
    });
  }

  /// Requests so far.
  std::atomic<int> seen = 0;
  // Once the play is over.
  int connections = 0;
  std::vector<std::string> requests;

 private:
  asio::io_context loop_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

Reply ask(asio::io_context& loop, HttpClient& client, std::uint32_t node, Question question = {},
          std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  std::optional<Reply> reply;
  client.ask(node, question, TicketClient::Clock::now() + patience, [&](const Reply& told) {
    REQUIRE_FALSE(reply);
    reply = told;
  });
  loop.restart();
  while (!reply && loop.run_one() > 0) {
  }
  REQUIRE(reply);
  return *reply;
}

TEST_CASE("requests go over one kept connection") {
  asio::io_context loop;
  Server server;
  server.play({answer("200 OK", "1"), answer("200 OK", "2"), answer("503 No", "busy")});
  HttpClient client(loop, {server.address()});
  CHECK(ask(loop, client, 1).begin == 1);
  const Reply second = ask(loop, client, 1);
  CHECK(second.begin == 2);
  CHECK(second.node == 1);
  const Reply third = ask(loop, client, 1);
  CHECK(third.type == EventType::kFail);
  CHECK(third.error == "503 busy");
  client.cut();
  server.finish();
  CHECK(server.connections == 1);
}

TEST_CASE("a redirect is followed with the method, and the answer is that of the other node") {
  asio::io_context loop;
  Server first, second;
  first.play({answer("301 Moved Permanently", "",
                     "Location: http://" + to_string(second.address()) + "/seq/s\r\n")});
  second.play({answer("200 OK", "7-9")});
  {
    HttpClient client(loop, {first.address(), second.address()});
    Question question;
    question.sequence = "s";
    question.count = 3;
    const Reply reply = ask(loop, client, 1, question);
    CHECK(reply.type == EventType::kOk);
    CHECK(reply.begin == 7);
    CHECK(reply.node == 2);
  }
  second.finish();
  CHECK(second.requests.at(0).starts_with("POST /seq/s?count=3 "));
}

TEST_CASE("a redirect that leads nowhere has done nothing") {
  asio::io_context loop;
  Server server;
  server.play({answer("307 Temporary Redirect", "", "Location: http://10.0.0.1/\r\n")});
  HttpClient client(loop, {server.address()});
  const Reply reply = ask(loop, client, 1);
  CHECK(reply.type == EventType::kFail);
  CHECK(reply.error == "redirected to http://10.0.0.1/");
}

TEST_CASE("a connection that is refused has done nothing") {
  asio::io_context loop;
  Address nobody;
  {
    const Server server;
    nobody = server.address();
  }
  HttpClient client(loop, {nobody});
  CHECK(ask(loop, client, 1).type == EventType::kFail);
}

TEST_CASE("a connection that breaks before the answer leaves the outcome open") {
  asio::io_context loop;
  Server server;
  server.play({"", answer("200 OK", "2")});
  HttpClient client(loop, {server.address()});
  CHECK(ask(loop, client, 1).type == EventType::kInfo);
  CHECK(ask(loop, client, 1).begin == 2);
}

TEST_CASE("half an answer leaves the outcome open") {
  asio::io_context loop;
  Server server;
  server.play({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12", ""});
  HttpClient client(loop, {server.address()});
  const Reply reply = ask(loop, client, 1, {}, std::chrono::milliseconds(50));
  CHECK(reply.type == EventType::kInfo);
  CHECK_FALSE(reply.malformed);
}

TEST_CASE("no answer in time leaves the outcome open") {
  asio::io_context loop;
  Server server;
  server.play({"..."});
  HttpClient client(loop, {server.address()});
  const Reply reply = ask(loop, client, 1, {}, std::chrono::milliseconds(20));
  CHECK(reply.type == EventType::kInfo);
  CHECK(reply.error == "no answer in time");
}

TEST_CASE("what is no HTTP is told") {
  asio::io_context loop;
  Server server;
  server.play({"hello\r\n\r\n"});
  HttpClient client(loop, {server.address()});
  CHECK(ask(loop, client, 1).malformed);
}

TEST_CASE("a cut ends what is under way") {
  asio::io_context loop;
  Server server;
  server.play({"..."});
  HttpClient client(loop, {server.address()});
  std::optional<Reply> reply;
  client.ask(1, {}, TicketClient::Clock::now() + std::chrono::seconds(20),
             [&](const Reply& told) { reply = told; });
  while (server.seen == 0) {
    loop.poll_one();
    std::this_thread::yield();
  }
  client.cut();
  REQUIRE(reply);
  CHECK(reply->type == EventType::kInfo);
  CHECK(reply->error == "cut by the client");
}

}  // namespace
}  // namespace ticketd::jepsen
