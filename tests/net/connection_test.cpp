// One connection alone, its watch wound by hand.
#include "net/connection.h"

#include <doctest/doctest.h>
#include <netinet/tcp.h>

#include "net/sockets.h"
#include "tests/net/network.h"

namespace ticketd::net {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStall{1000};
constexpr milliseconds kSweep{100};

struct Handler : ConnectionHandler {
  void on_frame(Frame frame) override { frames.push_back(std::move(frame)); }
  void on_broken(const std::string& reason) override { broken.push_back(reason); }

  std::vector<Frame> frames;
  std::vector<std::string> broken;
};

/// A connection to a bare socket with small buffers, without TCP_USER_TIMEOUT: the kernel alone
/// would wait for minutes.
struct Bench {
  Bench() : listener(loop, 16 << 10) {
    asio::ip::tcp::socket socket(loop);
    socket.connect({asio::ip::address_v4::loopback(), listener.port()});
    connection = std::make_shared<Connection>(std::move(socket), Hearing::kResponses, kStall,
                                              std::make_shared<Warnings>());
    connection->start(handler);
    REQUIRE(run_until(loop, [&] { return (peer = listener.accept()).has_value(); }));
  }
  ~Bench() { connection->close(); }

  void queue(std::size_t bytes) {
    REQUIRE(connection->send(large(bytes), 100 << 20));
    run_until(loop, [rounds = 0]() mutable { return ++rounds == 50; });
  }
  /// Bytes that the peer's kernel has not acknowledged, here and in ours.
  std::size_t due() {
    return connection->unsent() + unacknowledged_bytes(connection->socket()).value_or(0);
  }
  /// Time passes, as the connection is told.
  void pass(milliseconds span) {
    for (milliseconds passed{0}; passed < span; passed += kSweep) {
      now += kSweep;
      connection->sweep(now);
    }
  }

  asio::io_context loop;
  BareListener listener;
  std::shared_ptr<Handler> handler = std::make_shared<Handler>();
  std::shared_ptr<Connection> connection;
  std::optional<BareSocket> peer;
  Clock::time_point now = Clock::now();
};

TEST_CASE("bytes due without an acknowledged one for the limit break the connection, once") {
  Bench bench;
  for (int i = 0; i < 10; ++i) {
    bench.queue(5 << 20);
  }
  CHECK(bench.connection->unsent() > 0);
  bench.pass(kStall);
  CHECK(bench.handler->broken.empty());
  bench.pass(3 * kSweep);
  REQUIRE(bench.handler->broken.size() == 1);
  CHECK(bench.handler->broken[0].find("no byte was acknowledged for 1000 ms") != std::string::npos);
  CHECK(!bench.connection->is_open());
  bench.pass(2 * kStall);
  CHECK(bench.handler->broken.size() == 1);
}

TEST_CASE("bytes that only the kernel holds are watched too") {
  Bench bench;
  for (int i = 0; i < 100 && unacknowledged_bytes(bench.connection->socket()) == 0; ++i) {
    bench.queue(2000);
  }
  bench.pass(2 * kStall);
  CHECK(bench.handler->broken.size() == 1);
}

TEST_CASE("any progress begins the limit anew, and nothing due ends the watch") {
  Bench bench;
  bench.queue(1 << 20);
  for (int i = 0; i < 20; ++i) {
    const std::size_t before = bench.due();
    REQUIRE(run_until(bench.loop, [&] {
      bench.peer->read(1000);
      return bench.due() < before;
    }));
    bench.pass(kStall - kSweep);
  }
  CHECK(bench.handler->broken.empty());
  REQUIRE(run_until(bench.loop, [&] {
    bench.peer->read();
    return bench.due() == 0;
  }));
  bench.pass(100 * kStall);
  CHECK(bench.handler->broken.empty());
}

TEST_CASE("a process that stood still does not blame its peer") {
  Bench bench;
  bench.queue(1 << 20);
  bench.pass(kSweep);
  bench.now += 100 * kStall;
  bench.pass(kStall);
  CHECK(bench.handler->broken.empty());
  bench.pass(3 * kSweep);
  CHECK(bench.handler->broken.size() == 1);
}

TEST_CASE("a farewell is read to its end although the other side had more to say") {
  Bench bench;
  bench.peer->hear(Hearing::kControl);
  bench.peer->write(std::string(2000, 'x'));
  REQUIRE(bench.connection->send(numbered(1), 1 << 20));
  bench.connection->finish(bench.now + kStall);
  std::optional<Frame> frame;
  CHECK(run_until(bench.loop, [&] { return (frame = bench.peer->next()).has_value(); }));
  CHECK(run_until(bench.loop, [&] { return bench.peer->is_closed(); }));
  CHECK(bench.connection->is_open());  // until the other side closes, or the deadline
  CHECK(bench.handler->frames.empty());
  bench.pass(kStall + 2 * kSweep);
  CHECK(bench.handler->broken.size() == 1);
}

TEST_CASE("the kernel is told how long bytes may stay unacknowledged, and to send at once") {
  Bench bench;
  break_when_unacknowledged(bench.connection->socket(), milliseconds(1234));
  int limit_ms = 0;
  int no_delay = 0;
  socklen_t size = sizeof limit_ms;
  const int descriptor = bench.connection->socket().native_handle();
  REQUIRE(getsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, &size) == 0);
  REQUIRE(getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) == 0);
  CHECK(limit_ms == 1234);
  CHECK(no_delay != 0);
}

}  // namespace
}  // namespace ticketd::net
