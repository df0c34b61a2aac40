// Connections that do not come about, or should not.
#include <doctest/doctest.h>

#include "tests/net/network.h"
#include "tests/net/samples.h"

namespace ticketd::net {
namespace {

constexpr std::uint64_t kOtherCluster = 43;

TEST_CASE("a refusal reaches the dialer with its reason, and it tries again until it is welcome") {
  using Reason = Refused::Reason;
  for (const Reason reason :
       {Reason::kWrongCluster, Reason::kWrongMember, Reason::kRemoved, Reason::kUnknownMember,
        Reason::kStarting, Reason::kTooManyConnections}) {
    CAPTURE(static_cast<int>(reason));
    asio::io_context loop;
    TestNode a(loop, 1);
    TestNode b(loop, 2);
    b.verdict = Refused{reason, kOtherCluster, raft::Index(99), "go away"};
    a.connect_to(b);
    a.send(b.id(), numbered(1));
    REQUIRE(run_until(loop, [&] { return a.refusals.size() == 3; }));
    CHECK(a.refusals[0] == *b.verdict);
    CHECK(b.judged.size() == 3);
    CHECK(b.messages.empty());
    CHECK(a.transport().counters().dialed_connections == 0);
    CHECK(a.unreachable.empty());  // nothing was there to break
    b.verdict.reset();
    REQUIRE(run_until(loop, [&] { return a.ready(); }));
    a.send(b.id(), numbered(2));
    REQUIRE(run_until(loop, [&] { return b.messages.size() == 1; }));
    CHECK(number_of(b.messages[0]) == 2);
    CHECK(b.transport().counters().accepted_connections == 1);
  }
}

TEST_CASE("whoever is refused for good still asks again within half an election time-out") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  b.verdict = Refused{Refused::Reason::kRemoved, kCluster, raft::Index(99), "go away"};
  a.connect_to(b);
  REQUIRE(
      run_until(loop, [&] { return a.refusals.size() == 6; }));  // the back-off has grown by now
  const Clock::time_point began = Clock::now();
  REQUIRE(run_until(loop, [&] { return a.refusals.size() == 12; }));
  // Six times the least pause, and the most with as much again for a machine that is busy.
  CHECK(Clock::now() - began >= 6 * to_duration(kElectionTimeout) / 5);
  CHECK(Clock::now() - began < 6 * to_duration(kElectionTimeout));
}

TEST_CASE("a node that does not know yet who it is refuses everybody as starting") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode known(loop, 2);
  auto opened = TcpTransport::open(loop, TestNode::defaults());
  REQUIRE(opened.ok());
  (*opened)->start(known);
  a.transport().set_peers({{member(2), address_of((*opened)->port())}});
  REQUIRE(run_until(loop, [&] { return a.refusals.size() == 1; }));
  CHECK(a.refusals[0].reason == Refused::Reason::kStarting);
  Hello self = known.hello();
  (*opened)->set_self(self);
  CHECK(run_until(loop, [&] { return a.ready(); }));
}

TEST_CASE("a listener of another cluster, or another member, is left alone") {
  asio::io_context loop;
  for (const Welcome& wrong : {Welcome{kOtherCluster, member(2), 1, raft::Index(1)},
                               Welcome{kCluster, member(2, 77), 1, raft::Index(1)},
                               Welcome{kCluster, member(3), 1, raft::Index(1)}}) {
    BareListener listener(loop);
    TestNode a(loop, 1);
    a.transport().set_peers({{member(2), address_of(listener.port())}});
    a.send(member(2), numbered(1));
    std::optional<BareSocket> b = listener.welcome(loop, wrong);
    REQUIRE(b);
    CHECK(run_until(loop, [&] { return b->is_closed(); }));
    CHECK(!b->next());
    CHECK(a.ready(0));
  }
}

TEST_CASE("a dialer that does not introduce itself is closed after one election time-out") {
  asio::io_context loop;
  TestNode node(loop, 1);
  const Clock::time_point began = Clock::now();
  BareSocket silent = BareSocket::dial(loop, node.port());
  BareSocket slow = BareSocket::dial(loop, node.port());
  slow.write("tktd");
  REQUIRE(run_until(loop, [&] { return silent.is_closed() && slow.is_closed(); }));
  CHECK(Clock::now() - began >= to_duration(kElectionTimeout));
  CHECK(Clock::now() - began < 10 * to_duration(kElectionTimeout));
  CHECK(node.transport().counters().accepted_connections == 0);
}

TEST_CASE("a listener that does not answer the greeting is given up and dialed again") {
  asio::io_context loop;
  BareListener listener(loop);
  TestNode a(loop, 1);
  a.transport().set_peers({{member(2), address_of(listener.port())}});
  std::optional<BareSocket> first;
  REQUIRE(run_until(loop, [&] { return (first = listener.accept()).has_value(); }));
  CHECK(run_until(loop, [&] { return first->is_closed(); }));
  std::optional<BareSocket> second =
      listener.welcome(loop, {kCluster, member(2), 1, raft::Index(1)});
  REQUIRE(second);
  CHECK(run_until(loop, [&] { return a.ready(); }));
}

TEST_CASE("nothing is heard before the greeting, and no second greeting after it") {
  asio::io_context loop;
  TestNode node(loop, 2);
  for (const std::string first : {"VoteRequest", "MemberStatus", "Request Change",
                                  "Response Change", "Welcome", "Refused", "SnapshotRequest"}) {
    BareSocket dialer = BareSocket::dial(loop, node.port());
    dialer.write(sample(first));
    CHECK_MESSAGE(run_until(loop, [&] { return dialer.is_closed(); }), first);
  }
  for (const std::string second : {"Hello", "ClientHello", "VoteRequest", "MemberStatus"}) {
    BareSocket client = BareSocket::dial(loop, node.port());
    client.write(ClientHello{});
    REQUIRE(run_until(loop, [&] { return client.next().has_value(); }));
    client.write(sample(second));
    CHECK_MESSAGE(run_until(loop, [&] { return client.is_closed(); }), second);
  }
  CHECK(node.messages.empty());
  CHECK(node.statuses.empty());
  CHECK(node.requests.empty());
}

TEST_CASE("a listener that says anything but answers is closed by the dialer") {
  asio::io_context loop;
  const Welcome welcome{kCluster, member(2), 1, raft::Index(1)};
  for (const std::string name : {"Hello", "Welcome", "Refused", "VoteRequest", "Request Change",
                                 "Response Change"}) {  // an answer to nothing
    BareListener listener(loop);
    TestNode a(loop, 1);
    a.transport().set_peers({{member(2), address_of(listener.port())}});
    std::optional<BareSocket> b = listener.welcome(loop, welcome);
    REQUIRE(b);
    REQUIRE(run_until(loop, [&] { return a.ready(); }));
    b->write(sample(name));
    CHECK_MESSAGE(run_until(loop, [&] { return b->is_closed(); }), name);
    CHECK(run_until(loop, [&] { return a.unreachable == std::vector{member(2)}; }));
    CHECK(a.messages.empty());
  }
}

/// Frames that a member might send by mistake, and bytes that come from elsewhere.
std::vector<std::string> malformed_bytes() {
  std::string good;
  encode(Frame(numbered(1)), good);
  std::vector<std::string> all = {"GET / HTTP/1.1\r\n\r\n", std::string(100, '\0'),
                                  std::string(100, '\xff')};
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    all.push_back(damaged);
  }
  all.push_back(good.substr(0, good.size() - 1) + good);
  return all;
}

TEST_CASE("malformed bytes close their connection and nothing else") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  a.connect_to(b);
  REQUIRE(run_until(loop, [&] { return a.ready(); }));
  Hello hello = b.hello();
  hello.from = member(3);
  hello.to = b.id();
  for (const std::string& bytes : malformed_bytes()) {
    for (const bool greeted : {false, true}) {
      BareSocket other = BareSocket::dial(loop, b.port());
      if (greeted) {
        other.write(hello);
        REQUIRE(run_until(loop, [&] { return other.next().has_value(); }));
      }
      other.write(bytes);
      REQUIRE(run_until(loop, [&] { return other.is_closed(); }));
    }
  }
  CHECK(b.messages.empty());
  a.send(b.id(), numbered(7));
  CHECK(run_until(loop, [&] { return b.messages.size() == 1; }));
  CHECK(a.unreachable.empty());
  CHECK(b.transport().counters().accepted_connections == 1);
}

TEST_CASE("frames before a malformed one are heard, those after it are not") {
  asio::io_context loop;
  TestNode b(loop, 2);
  Hello hello = b.hello();
  hello.from = member(1);
  hello.to = b.id();
  std::string bytes;
  encode(Frame(hello), bytes);
  encode(Frame(numbered(1)), bytes);
  bytes += "garbage, of more bytes than a header";
  encode(Frame(numbered(2)), bytes);
  BareSocket a = BareSocket::dial(loop, b.port());
  a.write(bytes);
  CHECK(run_until(loop, [&] { return a.is_closed(); }));
  REQUIRE(b.messages.size() == 1);
  CHECK(number_of(b.messages[0]) == 1);
}

TEST_CASE("a peer whose address is none is not dialed, and the rest goes on") {
  asio::io_context loop;
  TcpOptions options = TestNode::defaults();
  options.resolve = [](const Address&, const auto& done) { done(Error{"no such name"}); };
  TestNode a(loop, 1, options);
  TestNode b(loop, 2);
  a.transport().set_peers({{member(3), "nonsense"}, {member(4), "no.name:1"}, b.as_peer()});
  a.send(member(3), chunk(0));  // its chunk is lost, which is told
  CHECK(run_until(loop, [&] { return a.ready(1); }));
  CHECK(run_until(loop, [&] { return a.unreachable == std::vector{member(3)}; }));
}

}  // namespace
}  // namespace ticketd::net
