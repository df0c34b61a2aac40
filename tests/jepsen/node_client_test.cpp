// The client against servers that do as they are told, on the loopback.
#include "jepsen/node_client.h"

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

/// Answers one request after the other with what it was given, whatever the protocol, when it has
/// read `until`. An empty answer closes the connection instead, "..." says nothing any more.
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
  void play(std::vector<std::string> answers, std::string until = "\r\n\r\n") {
    thread_ = std::thread([this, answers = std::move(answers), until = std::move(until)] {
      std::optional<tcp::socket> connection;
      for (const std::string& text : answers) {
        if (!connection) connection.emplace(acceptor_.accept()), ++connections;
        std::string request;
        std::error_code error;
        asio::read_until(*connection, asio::dynamic_buffer(request), until, error);
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

/// What each of the questions was told; all are, in their order.
std::vector<Reply> ask_all(asio::io_context& loop, NodeClient& client, std::uint32_t node,
                           TicketClient::Questions questions,
                           std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  const std::size_t count = questions.size();
  std::vector<Reply> replies;
  client.ask(node, std::move(questions), TicketClient::Clock::now() + patience,
             [&](std::size_t which, const Reply& told) {
               REQUIRE(which == replies.size());
               replies.push_back(told);
             });
  loop.restart();
  while (replies.size() < count && loop.run_one() > 0) {
  }
  REQUIRE(replies.size() == count);
  return replies;
}

Reply ask(asio::io_context& loop, NodeClient& client, std::uint32_t node,
          const Question& question = {},
          std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  return ask_all(loop, client, node, {question}, patience).front();
}

TEST_CASE("requests go over one kept connection") {
  asio::io_context loop;
  Server server;
  server.play({answer("200 OK", "1"), answer("200 OK", "2"), answer("503 No", "busy")});
  NodeClient client(loop, kHttp, {server.address()});
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
    NodeClient client(loop, kHttp, {first.address(), second.address()});
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
  NodeClient client(loop, kHttp, {server.address()});
  const Reply reply = ask(loop, client, 1);
  CHECK(reply.type == EventType::kFail);
  CHECK(reply.error == "redirected to 10.0.0.1");
}

TEST_CASE("a connection that is refused has done nothing") {
  asio::io_context loop;
  Address nobody;
  {
    const Server server;
    nobody = server.address();
  }
  NodeClient client(loop, kHttp, {nobody});
  CHECK(ask(loop, client, 1).type == EventType::kFail);
}

TEST_CASE("a connection that breaks before the answer leaves the outcome open") {
  asio::io_context loop;
  Server server;
  server.play({"", answer("200 OK", "2")});
  NodeClient client(loop, kHttp, {server.address()});
  CHECK(ask(loop, client, 1).type == EventType::kInfo);
  CHECK(ask(loop, client, 1).begin == 2);
}

TEST_CASE("half an answer leaves the outcome open") {
  asio::io_context loop;
  Server server;
  server.play({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12", ""});
  NodeClient client(loop, kHttp, {server.address()});
  const Reply reply = ask(loop, client, 1, {}, std::chrono::milliseconds(50));
  CHECK(reply.type == EventType::kInfo);
  CHECK_FALSE(reply.malformed);
}

TEST_CASE("no answer in time leaves the outcome open") {
  asio::io_context loop;
  Server server;
  server.play({"..."});
  NodeClient client(loop, kHttp, {server.address()});
  const Reply reply = ask(loop, client, 1, {}, std::chrono::milliseconds(20));
  CHECK(reply.type == EventType::kInfo);
  CHECK(reply.error == "no answer in time");
}

TEST_CASE("what is no HTTP is told") {
  asio::io_context loop;
  Server server;
  server.play({"hello\r\n\r\n"});
  NodeClient client(loop, kHttp, {server.address()});
  CHECK(ask(loop, client, 1).malformed);
}

TEST_CASE("a cut ends what is under way") {
  asio::io_context loop;
  Server server;
  server.play({"..."});
  NodeClient client(loop, kHttp, {server.address()});
  std::optional<Reply> reply;
  client.ask(1, {{}}, TicketClient::Clock::now() + std::chrono::seconds(20),
             [&](std::size_t, const Reply& told) { reply = told; });
  while (server.seen == 0) {
    loop.poll_one();
    std::this_thread::yield();
  }
  client.cut();
  REQUIRE(reply);
  CHECK(reply->type == EventType::kInfo);
  CHECK(reply->error == "cut by the client");
}

// --- Several questions at once
// ---------------------------------------------------------------------

/// Behind a command that was asked with this, as the last one of a pipeline.
constexpr const char* kLast = "$4\r\nlast\r\n";

TicketClient::Questions three() {
  Question question;
  question.sequence = "s";
  TicketClient::Questions questions(3, question);
  questions.back().key = "last";
  return questions;
}

TEST_CASE("a pipeline is sent as one, and each of its answers is told as it comes") {
  asio::io_context loop;
  Server server;
  server.play({":4\r\n:5\r\n-UNKNOWN outcome unknown: well\r\n", ":6\r\n:7\r\n:8\r\n"}, kLast);
  {
    NodeClient client(loop, kRedis, {server.address()});
    CHECK(client.keeps_order());
    const auto replies = ask_all(loop, client, 1, three());
    CHECK(replies[0].begin == 4);
    CHECK(replies[1].begin == 5);
    CHECK(replies[1].node == 1);
    CHECK(replies[2].type == EventType::kInfo);
    CHECK(ask_all(loop, client, 1, three())[2].begin == 8);
  }
  server.finish();
  CHECK(server.connections == 1);
  CHECK(server.requests.at(0).starts_with("*2\r\n$6\r\nTICKET\r\n$1\r\ns\r\n*2\r\n$6\r\n"));
}

TEST_CASE("a pipeline is led on as one") {
  asio::io_context loop;
  Server first, second;
  const std::string moved = "-MOVED 99 " + to_string(second.address()) + "\r\n";
  first.play({moved + moved + moved}, kLast);
  second.play({":4\r\n:5\r\n:6\r\n"}, kLast);
  NodeClient client(loop, kRedis, {first.address(), second.address()});
  const auto replies = ask_all(loop, client, 1, three());
  CHECK(replies[0].begin == 4);
  CHECK(replies[2].begin == 6);
  CHECK(replies[2].node == 2);
}

TEST_CASE("what is redirected within a pipeline of which some was answered has done nothing") {
  asio::io_context loop;
  Server first, second;
  const std::string moved = "-MOVED 99 " + to_string(second.address()) + "\r\n";
  first.play({moved + ":4\r\n" + moved}, kLast);
  NodeClient client(loop, kRedis, {first.address(), second.address()});
  const auto replies = ask_all(loop, client, 1, three());
  CHECK(replies[0].type == EventType::kFail);
  CHECK(replies[1].begin == 4);
  CHECK(replies[2].type == EventType::kFail);
  CHECK(replies[2].error == "redirected to " + to_string(second.address()));
}

TEST_CASE("a pipeline that breaks is known up to there") {
  asio::io_context loop;
  for (const std::string rest : {"", ":5", "what\r\n"}) {
    Server first;
    first.play({"-MOVED 99 10.0.0.1:1\r\n:4\r\n" + rest, ""}, kLast);
    NodeClient client(loop, kRedis, {first.address()});
    const auto replies = ask_all(loop, client, 1, three(), std::chrono::milliseconds(200));
    CHECK(replies[0].type == EventType::kFail);
    CHECK(replies[1].begin == 4);
    CHECK(replies[2].type == EventType::kInfo);
    CHECK(replies[2].malformed == (rest == "what\r\n"));
  }
}

TEST_CASE("a pipeline that nobody led on too often is given up") {
  asio::io_context loop;
  Server server;
  const std::string moved = "-MOVED 99 " + to_string(server.address()) + "\r\n";
  server.play(std::vector<std::string>(6, moved + moved + moved), kLast);
  NodeClient client(loop, kRedis, {server.address()});
  for (const Reply& reply : ask_all(loop, client, 1, three())) {
    CHECK(reply.type == EventType::kFail);
    CHECK(reply.error == "redirected too often");
  }
}

TEST_CASE("requests over HTTP may overtake each other, and their answers do not") {
  asio::io_context loop;
  Server server;
  server.play({answer("200 OK", "5") + answer("200 OK", "4")});
  NodeClient client(loop, kHttp, {server.address()});
  CHECK_FALSE(client.keeps_order());
  Question question;
  question.sequence = "s";
  const auto replies = ask_all(loop, client, 1, {question, question});
  CHECK(replies[0].begin == 5);
  CHECK(replies[1].begin == 4);
}

}  // namespace
}  // namespace ticketd::jepsen
