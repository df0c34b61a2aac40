// What peers may cost: memory, connections, descriptors, time.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/net/network.h"

namespace ticketd::net {
namespace {

constexpr std::size_t kQueueMax = 1 << 20;
const Welcome kWelcome{kCluster, member(2), 1, raft::Index(1)};

TcpOptions small_queue() {
  TcpOptions options = TestNode::defaults();
  options.max_queue_bytes = kQueueMax;
  return options;
}

/// A node that dialed a peer made of a bare socket.
struct Pair {
  explicit Pair(int receive_bytes, TcpOptions options = small_queue())
      : listener(loop, receive_bytes), node(loop, 1, options) {
    node.transport().set_peers({{member(2), address_of(listener.port())}});
    peer = listener.welcome(loop, kWelcome);
    REQUIRE(peer);
    REQUIRE(run_until(loop, [&] { return node.ready(); }));
  }

  asio::io_context loop;
  BareListener listener;
  TestNode node;
  std::optional<BareSocket> peer;
};

TEST_CASE("a peer that never reads costs a bounded queue, and is closed for its silence") {
  Pair pair(4096);
  const Clock::time_point began = Clock::now();
  std::uint64_t sent = 0;
  std::size_t most = 0;
  REQUIRE(run_until(pair.loop, [&] {
    pair.node.send(member(2), large(100'000, ++sent));
    most = std::max(most, pair.node.transport().counters().queued_bytes);
    return !pair.node.unreachable.empty();
  }));
  CHECK(most > kQueueMax / 2);
  CHECK(most <= kQueueMax + (64 << 10));
  CHECK(pair.node.transport().counters().messages_dropped > 0);
  CHECK(Clock::now() - began < 20 * to_duration(kElectionTimeout));
  CHECK(pair.node.unreachable.size() == 1);
}

TEST_CASE("a slow peer that reads is kept, however long it takes") {
  // This process reads on the peer's behalf: it must not be what stands still for so long.
  TcpOptions options = small_queue();
  options.election_timeout = 2 * kElectionTimeout;
  Pair pair(4096, options);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    pair.node.send(member(2), large(100'000, i));
  }
  const Clock::time_point end = Clock::now() + 8 * to_duration(kElectionTimeout);
  Clock::time_point next_read = Clock::now();
  REQUIRE(run_until(pair.loop, [&] {
    if (Clock::now() >= next_read) {
      pair.peer->read(400);
      next_read += std::chrono::milliseconds(10);
    }
    return Clock::now() >= end;
  }));
  CHECK(pair.node.ready());
  CHECK(pair.node.unreachable.empty());
  CHECK(pair.peer->bytes_read() < 200'000);  // it was slow indeed
  CHECK(pair.peer->bytes_read() > 20'000);
}

TEST_CASE("when entries fill the queue, votes and heartbeats still find room") {
  Pair pair(4096);
  const auto dropped = [&] { return pair.node.transport().counters().messages_dropped; };
  std::uint64_t queued = 0;
  for (const std::size_t bytes : {100'000U, 10'000U, 1'000U, 1U}) {  // until not a byte more fits
    const std::uint64_t before = dropped();
    while (dropped() == before) {
      pair.node.send(member(2), large(bytes, ++queued));
    }
    --queued;
  }
  for (std::uint64_t i = 0; i < 100; ++i) {
    pair.node.send(member(2), numbered(i));
  }
  CHECK(dropped() == 4);
  // What was queued is one unbroken row of entries, then the heartbeats.
  pair.peer->hear(Hearing::kControl);
  std::uint64_t entries = 0;
  std::uint64_t heartbeats = 0;
  REQUIRE(run_until(pair.loop, [&] {
    while (const std::optional<Frame> frame = pair.peer->next()) {
      const auto& message = std::get<raft::Message>(*frame);
      if (const auto* append = std::get_if<raft::AppendRequest>(&message)) {
        CHECK(append->prev_log_index.value == entries++);
      } else {
        ++heartbeats;
      }
    }
    return heartbeats == 100;
  }));
  CHECK(entries == queued);
}

TEST_CASE("what waits for a connection is bounded too") {
  asio::io_context loop;
  BareListener listener(loop);
  TestNode node(loop, 1, small_queue());
  node.transport().set_peers({{member(2), address_of(listener.port())}});
  for (std::uint64_t i = 1; i <= 100; ++i) {
    node.send(member(2), large(100'000, i));
    node.send(member(2), chunk(i, 100'000));
  }
  CHECK(node.transport().counters().queued_bytes <= 2 * (kQueueMax + (64 << 10)));
  CHECK(node.transport().counters().messages_dropped >= 170);
}

/// A client that is through the handshake.
BareSocket client_of(asio::io_context& loop, TestNode& node) {
  BareSocket client = BareSocket::dial(loop, node.port());
  client.write(ClientHello{});
  std::optional<Frame> answer;
  REQUIRE(run_until(loop, [&] { return (answer = client.next()).has_value(); }));
  REQUIRE(std::holds_alternative<Welcome>(*answer));
  client.hear(Hearing::kResponses);
  return client;
}

TEST_CASE("a client that does not read its answers is closed") {
  asio::io_context loop;
  TestNode node(loop, 1);
  node.answer = [](const Call&) { return DoneReply{std::string(kProseBytesMax, 'x')}; };
  BareSocket client = client_of(loop, node);
  std::string requests;
  for (std::uint64_t id = 1; id <= 100; ++id) {
    encode(Frame(Request{id, StatusCall{}}), requests);
  }
  std::uint64_t batches = 0;
  REQUIRE(run_until(loop, [&] {
    ++batches;
    client.write(requests);
    return node.transport().counters().accepted_connections == 0;
  }));
  CHECK(batches > 10);
}

TEST_CASE("answers to queries that find no room are left out, and that is said") {
  asio::io_context loop;
  TestNode node(loop, 1);
  const ticket::Found found{std::string(ticket::kMaxNameBytes, 'x'), ~0ull};
  node.answer = [&](const Call&) {
    return QueryReply{raft::Index(1), {ticket::kMaxListed, found}, false};
  };
  BareSocket client = client_of(loop, node);
  constexpr std::size_t kRequests = 100;
  std::string requests;
  for (std::uint64_t id = 1; id <= kRequests; ++id) {
    encode(Frame(Request{id, QueryCall{ticket::Listing{}, false, 0}}), requests);
  }
  client.write(requests);
  std::size_t whole = 0;
  std::size_t busy = 0;
  REQUIRE(run_until(loop, [&] {
    while (const std::optional<Frame> frame = client.next()) {
      const Reply& reply = std::get<Response>(*frame).reply;
      const auto* error = std::get_if<ErrorReply>(&reply);
      busy += error != nullptr && error->code == ErrorReply::Code::kBusy ? 1U : 0U;
      whole += std::holds_alternative<QueryReply>(reply) ? 1U : 0U;
    }
    return whole + busy == kRequests;
  }));
  CHECK(whole >= 10);
  CHECK(busy >= 10);
  CHECK(!client.is_closed());
}

TEST_CASE("requests that wait on one connection are bounded, and further ones are told so") {
  asio::io_context loop;
  TestNode node(loop, 1);
  BareSocket client = client_of(loop, node);
  std::string requests;
  for (std::uint64_t id = 1; id <= 10'001; ++id) {
    encode(Frame(Request{id, StatusCall{}}), requests);
  }
  client.write(requests);
  std::optional<Frame> answer;
  REQUIRE(run_until(loop, [&] { return (answer = client.next()).has_value(); }));
  const auto& response = std::get<Response>(*answer);
  CHECK(response.id == 10'001);
  CHECK(std::get<ErrorReply>(response.reply).code == ErrorReply::Code::kBusy);
  CHECK(node.requests.size() == 10'000);
  node.requests[0].second(DoneReply{"one"});
  REQUIRE(run_until(loop, [&] { return (answer = client.next()).has_value(); }));
  client.write(Frame(Request{10'002, StatusCall{}}));
  CHECK(run_until(loop, [&] { return node.requests.size() == 10'001; }));
}

TEST_CASE("an idle client is closed, one that waits for its answer is not") {
  asio::io_context loop;
  TcpOptions options = TestNode::defaults();
  options.idle_timeout = 100'000;
  TestNode node(loop, 1, options);
  BareSocket idle = client_of(loop, node);
  BareSocket waiting = client_of(loop, node);
  waiting.write(Frame(Request{1, StatusCall{}}));
  CHECK(run_until(loop, [&] { return idle.is_closed(); }));
  run_for(loop, 2 * to_duration(options.idle_timeout));
  CHECK(!waiting.is_closed());
  REQUIRE(node.requests.size() == 1);
  node.requests[0].second(DoneReply{"late"});
  CHECK(run_until(loop, [&] { return waiting.next().has_value(); }));
  CHECK(run_until(loop, [&] { return waiting.is_closed(); }));
}

TEST_CASE("too many clients are refused politely, and members still get in") {
  asio::io_context loop;
  TcpOptions options = TestNode::defaults();
  options.max_connections = 20;  // half of them for members
  TestNode node(loop, 1, options);
  std::vector<BareSocket> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(client_of(loop, node));
  }
  BareSocket late = BareSocket::dial(loop, node.port());
  late.write(ClientHello{});
  std::optional<Frame> answer;
  REQUIRE(run_until(loop, [&] { return (answer = late.next()).has_value(); }));
  CHECK(std::get<Refused>(*answer).reason == Refused::Reason::kTooManyConnections);
  late.close();

  TestNode other(loop, 2);
  other.connect_to(node);
  CHECK(run_until(loop, [&] { return other.ready(); }));
  clients.pop_back();
  REQUIRE(run_until(loop, [&] { return node.transport().counters().accepted_connections <= 10; }));
  clients.pop_back();
  REQUIRE(run_until(loop, [&] { return node.transport().counters().accepted_connections <= 9; }));
  client_of(loop, node);
}

TEST_CASE("strangers that never greet cost a bound, and do not keep members out") {
  asio::io_context loop;
  TcpOptions options = TestNode::defaults();
  options.max_connections = 4;
  options.election_timeout = 60'000'000;  // nobody is closed for want of a greeting
  TestNode node(loop, 1, options);
  constexpr std::ptrdiff_t kBound = 64;
  std::vector<BareSocket> silent;
  const auto dial = [&] { silent.push_back(BareSocket::dial(loop, node.port())); };
  const auto closed = [&] {
    return std::count_if(silent.begin(), silent.end(),
                         [](BareSocket& each) { return each.is_closed(); });
  };
  while (silent.size() < 100) {
    dial();
  }
  REQUIRE(run_until(loop, [&] { return closed() == 100 - kBound; }));
  CHECK(node.transport().counters().accepted_connections == kBound);
  CHECK(silent.front().is_closed());  // the oldest went
  CHECK(!silent.back().is_closed());
  // One more comes for every step that the member takes.
  TestNode other(loop, 2);
  other.connect_to(node);
  REQUIRE(run_until(loop, [&] {
    dial();
    return other.ready();
  }));
  run_until(loop, [&] { return closed() == std::ssize(silent) - kBound; });
  CHECK(node.transport().counters().accepted_connections == kBound + 1);
  CHECK(other.ready());
}

TEST_CASE("members are bounded too, and one that comes again takes its own place") {
  asio::io_context loop;
  TcpOptions options = TestNode::defaults();
  options.max_connections = 4;
  TestNode node(loop, 1, options);
  std::vector<BareSocket> members;
  const auto greet = [&](std::uint64_t id) {
    Hello hello = node.hello();
    hello.from = member(id);
    hello.to = node.id();
    members.push_back(BareSocket::dial(loop, node.port()));
    members.back().write(hello);
    std::optional<Frame> answer;
    REQUIRE(run_until(loop, [&] { return (answer = members.back().next()).has_value(); }));
    return *answer;
  };
  for (std::uint64_t id = 2; id <= 5; ++id) {
    CHECK(std::holds_alternative<Welcome>(greet(id)));
  }
  CHECK(std::get<Refused>(greet(6)).reason == Refused::Reason::kTooManyConnections);
  CHECK(std::holds_alternative<Welcome>(greet(5)));
  CHECK(run_until(loop, [&] { return members[3].is_closed(); }));
}

TEST_CASE("out of descriptors, accepting pauses without spinning and then goes on") {
  asio::io_context loop;
  TestNode node(loop, 1);
  BareSocket dialer = BareSocket::dial(loop, node.port());  // in the backlog, not yet accepted
  dialer.write(ClientHello{});
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  // No descriptor is free below the limit: the limit is the lowest free one.
  const int lowest_free = dup(0);
  close(lowest_free);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(lowest_free);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  run_for(loop, std::chrono::milliseconds(300));
  const std::uint64_t failures = node.transport().counters().accept_failures;
  const bool heard = dialer.next().has_value();
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK(!heard);
  CHECK(failures >= 1);
  CHECK(failures <= 4);
  CHECK(run_until(loop, [&] { return dialer.next().has_value(); }));
}

}  // namespace
}  // namespace ticketd::net
