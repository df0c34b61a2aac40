// Names that are resolved, on threads of their own.
#include <doctest/doctest.h>

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

TEST_CASE("a name that is still being resolved does not hold up the end") {
  for (int i = 0; i < 20; ++i) {
    asio::io_context loop;
    TestNode a(loop, 1);
    a.transport().set_peers({{member(2), "no.such.host.invalid:1"}, {member(3), "localhost:1"}});
    loop.poll();
    if (i % 2 == 0) {
      a.transport().set_peers({});
    }
  }
}

}  // namespace
}  // namespace ticketd::net
