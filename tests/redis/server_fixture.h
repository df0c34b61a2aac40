// A server on a loopback socket, a service and a node whose answers the test decides, and clients.
// All on one loop, which the test runs until what it waits for has happened.
#pragma once

#include <doctest/doctest.h>

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "redis/server.h"
#include "tests/serve/client.h"
#include "tests/ticket/fake_service.h"

namespace ticketd::redis {

using namespace std::chrono_literals;
using serve::testing::Client;
using serve::testing::run_until;
using ticket::testing::FakeService;

/// Three members; the first leads, and is this node.
inline NodeView three_members() {
  NodeView view;
  view.cluster_id = 0xabcdef0123456789;
  view.term = 7;
  view.self = {1, 1};
  view.leader = MemberId{1, 1};
  for (std::uint64_t node = 1; node <= 3; ++node) {
    const std::string last = std::to_string(node);
    view.members.push_back({.id = {node, 2 * node - 1},
                            .voter = node < 3,
                            .peer = "127.0.0.1:900" + last,
                            .redis = "127.0.0.1:700" + last,
                            .applied_index = 40 + node});
  }
  view.stats = {{"applied_index", "41"}, {"last_contact", "0"}, {"term", "7"}};
  return view;
}

class FakeOperations : public Operations {
 public:
  NodeView view() override { return seen; }
  void add_voter(AddVoter call, Done done) override {
    added = std::move(call);
    answer(std::move(done));
  }
  void remove_server(RemoveServer call, Done done) override {
    removed = std::move(call);
    answer(std::move(done));
  }
  void make_snapshot(Done done) override {
    ++snapshots;
    answer(std::move(done));
  }

  NodeView seen = three_members();
  Outcome outcome;
  /// Calls wait until the test answers them.
  bool hold = false;
  std::vector<Done> waiting;
  /// What came last.
  std::optional<AddVoter> added;
  std::optional<RemoveServer> removed;
  std::size_t snapshots = 0;

 private:
  void answer(Done done) {
    if (hold) {
      waiting.push_back(std::move(done));
    } else {
      done(outcome);
    }
  }
};

struct ServerFixture {
  ~ServerFixture() {
    service.answer_all();
    for (auto& done : std::exchange(operations.waiting, {})) done({});
    server.reset();
    loop.poll();
  }

  void start(Options options = {}) {
    options.version = "test";
    Result<std::unique_ptr<Server>> opened = Server::open(loop, std::move(options));
    REQUIRE(opened.ok());
    server = std::move(*opened);
    server->start(service, operations);
  }
  /// With other limits of its connections.
  void start_limited(const serve::Limits& limits) {
    Options options;
    options.limits = limits;
    start(std::move(options));
  }
  std::unique_ptr<Client> connect(bool reading = true) {
    return std::make_unique<Client>(loop, server->port(), reading);
  }
  bool until(const std::function<bool()>& done) { return run_until(loop, done); }

  /// All that comes back for `bytes`, to a client that closes its side behind them.
  std::string exchange(const std::string& bytes) {
    if (server == nullptr) {
      start();
    }
    auto client = connect();
    client->send(bytes);
    client->half_close();
    CHECK(client->wait_for_end());
    return client->received;
  }

  asio::io_context loop{1};
  FakeService service;
  FakeOperations operations;
  std::unique_ptr<Server> server;
};

inline std::string repeated(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) {
    result += text;
  }
  return result;
}

/// "+1\r\n+2\r\n..."
inline std::string tickets_to(std::size_t last) {
  std::string result;
  for (std::size_t i = 1; i <= last; ++i) {
    result += "+" + std::to_string(i) + "\r\n";
  }
  return result;
}

inline const std::string kTicket = "*1\r\n$6\r\nTICKET\r\n";

}  // namespace ticketd::redis
