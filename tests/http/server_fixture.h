// A server on a loopback socket, a service whose answers the test decides, and clients. All on one
// loop, which the test runs until what it waits for has happened.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/server.h"

namespace ticketd::http {

using namespace std::chrono_literals;

/// A test that waits longer has failed. Generous: sanitizers and a busy machine are slow.
inline constexpr auto kDeadline = 20s;

/// Runs the loop until `done`; false after kDeadline.
template <class Done>
bool run_until(asio::io_context& loop, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    loop.restart();
    loop.run_one_for(50ms);
  }
  return true;
}

/// Keeps sequences as the real one does, without keys or limits; or answers what the test says.
class FakeService : public ticket::Service {
 public:
  using LeaderDone = std::function<void(ticket::LeaderView)>;
  using ChangeDone = std::function<void(ticket::Answer)>;
  using QueryDone = std::function<void(ticket::QueryAnswer)>;

  void find_leader(LeaderDone done) override {
    ++leader_questions;
    if (hold_leader) {
      leader_waiting.push_back(std::move(done));
    } else {
      done(leader);
    }
  }
  void change(ticket::Request request, ChangeDone done) override {
    changed = std::move(request);
    if (hold) {
      waiting.push_back(std::move(done));
    } else {
      done(answer ? *answer : apply(*changed));
    }
  }
  void forward(ticket::Request request, ChangeDone done) override {
    ++forwarded;
    change(std::move(request), std::move(done));
  }
  void read(ticket::Query query, QueryDone done) override {
    asked = std::move(query);
    if (hold) {
      queries_waiting.push_back(std::move(done));
    } else {
      done(query_answer ? *query_answer : look(*asked));
    }
  }
  void forward(ticket::Query query, QueryDone done) override {
    ++forwarded;
    read(std::move(query), std::move(done));
  }
  void read_stale(ticket::Query query, QueryDone done) override {
    ++stale_reads;
    read(std::move(query), std::move(done));
  }

  ticket::LeaderView leader = ticket::LeaderHere{};
  bool hold_leader = false;
  /// Calls wait until the test answers them; else `answer`, or without it what is true.
  bool hold = false;
  std::optional<ticket::Answer> answer;
  std::optional<ticket::QueryAnswer> query_answer;
  /// The last number of the unnamed sequence, and of the others.
  std::uint64_t last = 0;
  std::map<std::string, std::uint64_t> sequences;
  std::size_t forwarded = 0;
  std::size_t stale_reads = 0;
  std::size_t leader_questions = 0;
  /// What came last.
  std::optional<ticket::Request> changed;
  std::optional<ticket::Query> asked;
  std::vector<LeaderDone> leader_waiting;
  std::vector<ChangeDone> waiting;
  std::vector<QueryDone> queries_waiting;

 private:
  ticket::Answer apply(const ticket::Request& request) {
    const bool unnamed = request.sequence.empty();
    const bool known = unnamed || sequences.contains(request.sequence);
    if (request.kind == ticket::Kind::kRemove && !known) {
      return ticket::Done{};
    }
    std::uint64_t& number = unnamed ? last : sequences[request.sequence];
    const std::uint64_t before = number;
    if (request.kind == ticket::Kind::kRemove) {
      sequences.erase(request.sequence);
      return ticket::Done{.first = before, .count = 1};
    }
    if (request.kind == ticket::Kind::kAdvance) {
      number = request.value;
      return ticket::Done{.first = number};
    }
    const std::uint64_t first = known ? before + 1 : 0;
    number = first + (request.value - 1);
    return ticket::Done{.first = first, .count = request.value};
  }
  ticket::QueryResult look(const ticket::Query& query) const {
    ticket::QueryResult result;
    result.applied_index = 77;
    if (const auto* lookup = std::get_if<ticket::Lookup>(&query)) {
      for (const std::string& name : lookup->sequences) {
        const auto at = sequences.find(name);
        result.found.push_back(
            {name, at == sequences.end() ? std::nullopt : std::optional(at->second)});
      }
      return result;
    }
    const auto& listing = std::get<ticket::Listing>(query);
    for (const auto& [name, number] : sequences) {
      if (name > listing.after && name.starts_with(listing.prefix)) {
        result.more = result.found.size() == listing.limit;
        if (result.more) {
          break;
        }
        result.found.push_back({name, number});
      }
    }
    return result;
  }
};

class Client {
 public:
  Client(asio::io_context& loop, std::uint16_t port, bool reading = true,
         const asio::ip::address& address = asio::ip::make_address("127.0.0.1"))
      : loop_(loop), socket_(loop) {
    socket_.connect({address, port});
    if (reading) {
      read();
    }
  }

  void send(std::string bytes) {
    auto kept = std::make_shared<std::string>(std::move(bytes));
    ++sending_;
    asio::async_write(
        socket_, asio::buffer(*kept),
        [this, kept, alive = std::weak_ptr(alive_)](const asio::error_code&, std::size_t) {
          if (!alive.expired()) {
            --sending_;
          }
        });
  }
  /// Closes this side once all was sent.
  void half_close() {
    REQUIRE(run_until(loop_, [this] { return sending_ == 0; }));
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send);
  }
  void read() {
    socket_.async_read_some(
        asio::buffer(buffer_),
        [this, alive = std::weak_ptr(alive_)](const asio::error_code& error, std::size_t size) {
          if (alive.expired()) {
            return;
          }
          received.append(buffer_.data(), size);
          ended = error == asio::error::eof;
          reset = error && !ended;
          if (!error) {
            read();
          }
        });
  }
  bool wait_for(std::string_view text) {
    std::size_t from = 0;
    return run_until(loop_, [&] {
      const bool found = received.find(text, from) != std::string::npos;
      // What was searched once is not searched again, but for a beginning at its end.
      from = received.size() - std::min(received.size(), text.size());
      return found;
    });
  }
  /// The server has closed the connection; the client has seen all it sent, and no reset.
  bool wait_for_end() {
    return run_until(loop_, [&] { return ended || reset; }) && !reset;
  }
  /// How often a text was received.
  std::size_t count(std::string_view text) const {
    std::size_t result = 0;
    for (std::size_t at = received.find(text); at != std::string::npos;
         at = received.find(text, at + 1)) {
      ++result;
    }
    return result;
  }
  bool starts_with(std::string_view text) const { return received.starts_with(text); }
  asio::ip::tcp::socket& socket() { return socket_; }

  std::string received;
  bool ended = false;
  bool reset = false;

 private:
  asio::io_context& loop_;
  asio::ip::tcp::socket socket_;
  std::array<char, 16384> buffer_;
  std::size_t sending_ = 0;
  /// Handlers may be run after the client is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>();
};

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
    // The service's promise: every call is answered.
    for (auto& done : std::exchange(service.leader_waiting, {})) done(ticket::NoLeader{});
    for (auto& done : std::exchange(service.waiting, {})) done(ticket::NotDone{});
    for (auto& done : std::exchange(service.queries_waiting, {})) done(ticket::NotDone{});
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
