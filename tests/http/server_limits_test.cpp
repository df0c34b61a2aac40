#include <doctest/doctest.h>
#include <fcntl.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <chrono>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "http/connection.h"
#include "serve/listener.h"
#include "tests/http/server_fixture.h"

namespace ticketd::http {
namespace {

TEST_CASE_FIXTURE(ServerFixture, "a request that does not arrive in time is told so") {
  start({.limits = {.request_time = 50ms}});
  SUBCASE("a head") {
    CHECK(exchange("POST / HTTP/1.1\r\n").starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  }
  SUBCASE("a body") {
    CHECK(exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc")
              .starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  }
  SUBCASE("behind a request that did") {
    const std::string answer = exchange(kPost + "P");
    CHECK(answer.find("\r\n\r\n1HTTP/1.1 408 Request Timeout\r\n") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(ServerFixture, "a trickle of ten kibibytes does not extend a request's time") {
  start({.limits = {.request_time = 200ms}});
  auto client = connect();
  client->send("POST / HTTP/1.1\r\nHost: h\r\nA: ");
  const auto began = std::chrono::steady_clock::now();
  // Each byte is sent once the one before has gone out, 10 KiB in all unless the server ends it.
  for (int sent = 0; sent < 10 * 1024 && !client->ended; ++sent) {
    if (sent % 4 == 0) {
      loop.run_for(1ms);
    }
    client->send("a");
  }
  REQUIRE(client->wait_for_end());
  CHECK(client->starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(std::chrono::steady_clock::now() - began >= 200ms);
}

/// Answers of a few megabytes, so that a client which does not read leaves some unsent.
void leave_answers_unread(ServerFixture& fixture, Client& client) {
  std::string many;
  for (int i = 0; i < 60'000; ++i) {
    many += kPost;
  }
  client.send(many);
  // Until nothing moves any more.
  std::uint64_t before = 1;
  while (before != fixture.service.last) {
    before = fixture.service.last;
    fixture.loop.run_for(50ms);
  }
}

TEST_CASE_FIXTURE(ServerFixture, "an answer that waits unread does not extend a request's time") {
  // Nothing makes the server stop to read, or the client too slow as a reader.
  start({.limits = {.pipeline = 1 << 20,
                    .output_bytes = 1 << 30,
                    .request_time = 200ms,
                    .stalled_time = 60s}});
  auto client = connect(false);
  leave_answers_unread(*this, *client);
  REQUIRE(service.last == 60'000);
  client->send("POST / HTTP/1.1\r\nHost: h\r\nA: ");
  const auto began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began < 400ms) {
    loop.run_for(5ms);
    client->send("a");
  }
  // Too late to be taken: the request is over.
  client->send("\r\n\r\n");
  loop.run_for(20ms);
  client->read();
  REQUIRE(client->wait_for("\r\n\r\n60000HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(service.last == 60'000);
}

TEST_CASE_FIXTURE(ServerFixture, "an idle connection is closed without a word") {
  start({.limits = {.idle_time = 50ms}});
  SUBCASE("at its beginning") { CHECK(exchange("") == ""); }
  SUBCASE("after empty lines") { CHECK(exchange("\r\n\r\n") == ""); }
  SUBCASE("after a request") { CHECK(exchange(kPost).ends_with("\r\n\r\n1")); }
}

TEST_CASE_FIXTURE(ServerFixture, "waiting for the service is not idling") {
  service.hold = true;
  start({.limits = {.request_time = 20ms, .idle_time = 20ms}});
  auto client = connect();
  client->send(kPost);
  REQUIRE(until([&] { return service.waiting.size() == 1; }));
  loop.run_for(150ms);
  CHECK_FALSE(client->ended);
  service.waiting[0](ticket::Done{1, 1});
  service.waiting.clear();
  CHECK(client->wait_for("\r\n\r\n1"));
}

TEST_CASE_FIXTURE(ServerFixture, "a client that never reads is held within bounds, then closed") {
  start({.limits = {.output_bytes = 64 * 1024, .stalled_time = 200ms}});
  auto client = connect(false);
  std::string many;
  for (int i = 0; i < 1000; ++i) {
    many += kPost;
  }
  // Far more than the sockets' buffers hold of answers.
  for (int i = 0; i < 400; ++i) {
    client->send(many);
  }
  REQUIRE(until([&] { return server->connections() == 1; }));
  REQUIRE(until([&] { return server->connections() == 0; }));
  // It stopped to take requests long before all were sent.
  CHECK(service.last < 200'000);
}

/// A connection without a server around it, whose output can be seen.
class OneConnection final : public serve::Connection::Owner, public Connection::Owner {
 public:
  OneConnection(asio::io_context& loop, serve::Limits limits)
      : client(loop), loop_(loop), ready_set_(*serve::ReadySet::open(loop)) {
    options_.limits = limits;
    asio::ip::tcp::acceptor acceptor(loop, {asio::ip::make_address("127.0.0.1"), 0});
    // Before it connects, so that the window is never larger.
    client.open(asio::ip::tcp::v4());
    client.set_option(asio::socket_base::receive_buffer_size(16 * 1024));
    client.connect(acceptor.local_endpoint());
    asio::ip::tcp::socket served = acceptor.accept();
    served.set_option(asio::socket_base::send_buffer_size(16 * 1024));
    served.non_blocking(true);
    ready_set_->start();
    connection = std::make_shared<Connection>(std::move(served), *this, *this);
    connection->serve();
  }
  ~OneConnection() {
    connection->abandon();
    ready_set_->stop();
  }

  ticket::Service& service() override { return service_; }
  const Options& options() const override { return options_; }
  const ResponseWriter& writer() override { return writer_; }
  const serve::Limits& limits() const override { return options_.limits; }
  std::span<char> read_buffer() override { return buffer_; }
  serve::ReadySet& ready_set() override { return *ready_set_; }
  void resume_later(std::shared_ptr<serve::Connection> later) override {
    asio::post(loop_, [later] { later->resume(); });
  }
  void closed(serve::Connection&) override { was_closed = true; }

  bool was_closed = false;
  std::shared_ptr<Connection> connection;
  asio::ip::tcp::socket client;

 private:
  asio::io_context& loop_;
  const std::shared_ptr<serve::ReadySet> ready_set_;
  Options options_;
  FakeService service_;
  ResponseWriter writer_{"s"};
  std::array<char, 16 * 1024> buffer_;
};

TEST_CASE("a client that reads steadily and never catches up leaves no growing output behind") {
  constexpr std::size_t kOutput = 64 * 1024;
  constexpr std::size_t kTaken = 4 * 1024 * 1024;
  asio::io_context loop;
  OneConnection one(loop, {.output_bytes = kOutput});
  one.client.non_blocking(true);
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    requests += kPost;
  }
  std::array<char, 8 * 1024> buffer;
  std::size_t most = 0;
  std::size_t caught_up = 0;
  std::size_t offset = 0;
  for (std::size_t taken = 0; taken < kTaken;) {
    REQUIRE_FALSE(one.was_closed);
    asio::error_code error;
    // As many requests as the server takes, so that there is always an answer that waits.
    for (std::size_t sent = 1; sent > 0;) {
      sent = one.client.write_some(asio::buffer(requests) + offset, error);
      offset = (offset + sent) % requests.size();
      loop.poll();
      loop.restart();
    }
    most = std::max(most, one.connection->output_bytes());
    caught_up += one.connection->output_bytes() == 0;
    taken += one.client.read_some(asio::buffer(buffer), error);
  }
  CHECK(caught_up == 0);
  // Up to twice the limit, as sent bytes are dropped in portions, and what one read brings.
  CHECK(most > kOutput / 2);
  CHECK(most < 4 * kOutput);
}

TEST_CASE_FIXTURE(ServerFixture, "a client that reads late still gets everything") {
  start({.limits = {.output_bytes = 4096, .stalled_time = 20s}});
  auto client = connect(false);
  std::string many;
  for (int i = 0; i < 50'000; ++i) {
    many += kPost;
  }
  client->send(many);
  // Until nothing moves any more: the server reads no further.
  std::uint64_t before = 1;
  while (before != service.last) {
    before = service.last;
    loop.run_for(50ms);
  }
  CHECK(service.last < 50'000);
  client->read();
  CHECK(client->wait_for("\r\n\r\n50000"));
}

TEST_CASE_FIXTURE(ServerFixture, "a connection above the limit is told so") {
  start({.limits = {.connections = 2}});
  auto first = connect();
  auto second = connect();
  second->send(kPost);
  REQUIRE(second->wait_for("\r\n\r\n1"));
  auto third = connect();
  third->send(kPost);
  REQUIRE(third->wait_for_end());
  CHECK(third->starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(third->received.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(service.last == 1);
  third.reset();
  first.reset();
  REQUIRE(until([&] { return server->connections() == 1; }));
  auto fourth = connect();
  fourth->send(kPost);
  CHECK(fourth->wait_for("\r\n\r\n2"));
}

TEST_CASE_FIXTURE(ServerFixture, "a client that goes on sending after its refusal is cut off") {
  start({.limits = {.linger_time = 50ms}});
  auto client = connect();
  client->send("bad\r\n\r\n");
  REQUIRE(client->wait_for_end());
  // It does not close: the server does.
  CHECK(until([&] { return server->connections() == 0; }));
}

/// In a process of its own, since descriptors run out for all of it. Returns its exit code.
template <class Body>
int in_child(Body body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    _exit(body());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int serve_out_of_descriptors() {
  asio::io_context loop;
  FakeService service;
  auto server = std::move(*Server::open(loop, {}));
  server->start(service);
  Client client(loop, server->port());
  client.send(kPost);
  std::ostringstream log;
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log)));
  // The undefined-behaviour sanitizer needs a pipe where it sees a type for the first time.
  spdlog::warn("{}", asio::error_code().message());
  log.str("");
  const int spare = open("/dev/null", O_RDONLY);
  const rlimit limit{.rlim_cur = static_cast<rlim_t>(spare),
                     .rlim_max = static_cast<rlim_t>(spare)};
  close(spare);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  if (dup(0) >= 0) return 2;

  const double before = cpu_seconds();
  const auto began = std::chrono::steady_clock::now();
  std::size_t handlers = 0;
  while (std::chrono::steady_clock::now() - began < 5 * serve::kAcceptPause) {
    loop.restart();
    handlers += loop.run_one_for(serve::kAcceptPause);
  }
  if (server->connections() != 0) return 3;
  if (handlers > 40) return 4;
  if (cpu_seconds() - before > 0.2) return 5;

  const std::string logged = log.str();
  if (std::count(logged.begin(), logged.end(), '\n') != 1) return 7;

  // One is free again: the client that waited in the backlog is served.
  close(0);
  return client.wait_for("\r\n\r\n1") ? 0 : 6;
}

TEST_CASE("out of descriptors, accepting pauses without spinning and goes on later") {
  CHECK(in_child(serve_out_of_descriptors) == 0);
}

}  // namespace
}  // namespace ticketd::http
