#include "serve/connection.h"

#include <doctest/doctest.h>

#include <asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "serve/server.h"
#include "tests/serve/client.h"

namespace ticketd::serve {
namespace {

using testing::Client;
using testing::run_until;

/// Each byte is a request, and the answer to it.
class Echo final : public Connection {
 public:
  Echo(asio::ip::tcp::socket socket, Owner& owner, int& given_back)
      : Connection(std::move(socket), owner), given_back_(given_back) {}

 private:
  void take(std::string_view& input) override {
    note_request();
    ready_ += input.front();
    input.remove_prefix(1);
  }
  bool in_request() const override { return false; }
  std::size_t waiting() const override { return ready_.size(); }
  std::size_t held_bytes() const override { return ready_.size(); }
  void give_back_memory() override { ++given_back_; }
  bool write_ready(std::string& out) override {
    out += std::exchange(ready_, std::string());
    return last_;
  }
  void say_too_slow() override {}
  void say_cut_short() override {}
  void say_too_many(std::size_t) override {}
  void say_not_yet() override {
    ready_ += "not yet";
    last_ = true;
  }

  std::string ready_;
  bool last_ = false;
  int& given_back_;
};

struct Fixture {
  Fixture() : server(*Server::open(loop, {"echo", "127.0.0.1", 0}, Limits())) {}
  ~Fixture() {
    server.reset();
    loop.restart();
    loop.poll();
  }
  Server::Make maker() {
    return [this](asio::ip::tcp::socket socket, Connection::Owner& owner) {
      return std::make_shared<Echo>(std::move(socket), owner, given_back);
    };
  }

  asio::io_context loop{1};
  int given_back = 0;
  std::unique_ptr<Server> server;
};

TEST_CASE_FIXTURE(Fixture, "a connection that is quiet gives back memory, and goes on") {
  server->start(maker());
  Client client(loop, server->port());
  client.send("x");
  CHECK(client.wait_for("x"));
  CHECK(run_until(loop, [&] { return given_back > 0; }));
  client.send("y");
  CHECK(client.wait_for("y"));
}

TEST_CASE_FIXTURE(Fixture, "until it serves, a server turns clients away") {
  server->turn_away(maker());
  Client early(loop, server->port());
  early.send("x");
  CHECK(early.wait_for_end());
  CHECK(early.received == "not yet");
  server->start(maker());
  Client later(loop, server->port());
  later.send("x");
  CHECK(later.wait_for("x"));
}

}  // namespace
}  // namespace ticketd::serve
