// Names that are resolved, on threads of their own.
#include <doctest/doctest.h>

#include <functional>
#include <thread>
#include <vector>

#include "tests/net/network.h"

namespace ticketd::net {
namespace {

TEST_CASE("IPv6 addresses and host names serve as well") {
  asio::io_context loop;
  for (const std::string host : {"::1", "localhost"}) {
    TcpOptions options = TestNode::defaults();
    options.host = host;
    std::unique_ptr<TestNode> b;
    try {
      b = std::make_unique<TestNode>(loop, 2, options);
    } catch (const std::runtime_error& error) {
      MESSAGE("left out: " << error.what());
      continue;
    }
    TestNode a(loop, 1);
    a.transport().set_peers({{b->id(), address_of(b->port(), host)}});
    CHECK(run_until(loop, [&] { return a.ready(); }));
    b->stop();
  }
}

TEST_CASE("all addresses of a name are tried") {
  asio::io_context loop;
  TestNode b(loop, 2);  // at 127.0.0.1 alone, where localhost may name ::1 first
  TestNode a(loop, 1);
  a.transport().set_peers({{b.id(), address_of(b.port(), "localhost")}});
  CHECK(run_until(loop, [&] { return a.ready(); }));
}

TEST_CASE("an answer about a name that comes after its attempt serves the next one") {
  asio::io_context loop;
  TestNode b(loop, 2);
  // The control lane looks up first. The bulk lane's look-up takes longer than its attempt.
  int asked = 0;
  std::function<void(Result<Endpoints>)> slow;
  TcpOptions options = TestNode::defaults();
  const Endpoints found = {{asio::ip::address_v4::loopback(), b.port()}};
  options.resolve = [&](const Address&, std::function<void(Result<Endpoints>)> done) {
    if (++asked == 1) {
      done(found);
    } else {
      slow = std::move(done);
    }
  };
  TestNode a(loop, 1, options);
  bool answered = false;
  a.on_event = [&] {
    if (!a.unreachable.empty() && !answered) {  // the attempt is over, and the next not yet begun
      answered = true;
      slow(found);
    }
  };
  a.transport().set_peers({{b.id(), address_of(b.port(), "some.name")}});
  a.send(b.id(), chunk(0));
  REQUIRE(run_until(loop, [&] { return answered; }));
  a.send(b.id(), chunk(7));
  REQUIRE(run_until(loop, [&] { return b.messages.size() == 1; }));
  CHECK(b.messages[0].message == chunk(7));
  CHECK(asked == 2);
}

TEST_CASE("a name that is still being resolved does not hold up the end") {
  std::vector<std::function<void(Result<Endpoints>)>> asked;
  for (const bool forget : {false, true}) {
    asio::io_context loop;
    TcpOptions options = TestNode::defaults();
    options.resolve = [&](const Address&, std::function<void(Result<Endpoints>)> done) {
      asked.push_back(std::move(done));
    };
    TestNode a(loop, 1, options);
    a.transport().set_peers({{member(2), "some.name:1"}, {member(3), "other.name:1"}});
    loop.poll();
    if (forget) {
      a.transport().set_peers({});
    }
  }
  REQUIRE(asked.size() >= 4);
  // Node and loop are gone when the threads come with what they found, or did not find.
  std::thread([&] {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      asked[i](i % 2 == 0 ? Result<Endpoints>(Error{"no such name"})
                          : Result<Endpoints>({{asio::ip::address_v4::loopback(), 1}}));
    }
  }).join();
}

}  // namespace
}  // namespace ticketd::net
