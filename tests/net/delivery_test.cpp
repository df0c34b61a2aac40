// Messages between members that behave.
#include <doctest/doctest.h>

#include "tests/net/network.h"

namespace ticketd::net {
namespace {

TEST_CASE("messages arrive whole, in order, and with the names of the handshake") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  a.connect_to(b);
  b.connect_to(a);
  REQUIRE(run_until(loop, [&] { return a.ready() && b.ready(); }));
  constexpr std::uint64_t kCount = 10'000;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    a.send(b.id(), numbered(i));
    b.send(a.id(), numbered(i));
  }
  REQUIRE(
      run_until(loop, [&] { return a.messages.size() == kCount && b.messages.size() == kCount; }));
  for (std::uint64_t i = 0; i < kCount; ++i) {
    REQUIRE(b.messages[i] == raft::Envelope{a.id(), b.id(), numbered(i)});
    REQUIRE(a.messages[i] == raft::Envelope{b.id(), a.id(), numbered(i)});
  }
  CHECK(a.transport().counters().messages_dropped == 0);
  CHECK(a.unreachable.empty());
}

TEST_CASE("every kind of raft message and the status arrive as they were sent") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  a.connect_to(b);
  const std::vector<raft::Message> sent = {
      raft::VoteRequest{raft::Term(3), raft::Index(2), raft::Term(2), true, false},
      raft::VoteResponse{raft::Term(3), true, true},
      large(1 << 20),
      raft::AppendResponse{raft::Term(3), true, raft::Index(5), {}, {}},
      numbered(9),
      raft::HeartbeatResponse{raft::Term(3), 9},
      raft::SnapshotResponse{raft::Term(3), {raft::Index(1), raft::Term(1)}, 7, 8, false},
      raft::TimeoutNowRequest{raft::Term(3)}};
  for (const raft::Message& message : sent) {
    a.send(b.id(), message);  // before there is a connection: they wait for the first attempt
  }
  const MemberStatus status{raft::Index(5), 1, 2, 3, true, 4};
  a.transport().send(b.id(), status);
  REQUIRE(run_until(loop, [&] { return b.statuses.size() == 1; }));
  REQUIRE(b.messages.size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(b.messages[i].message == sent[i]);
  }
  CHECK(b.statuses[0] == std::pair(a.id(), status));
}

TEST_CASE("the handshake says who dials whom, from where, and on which lane") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  a.connect_to(b);
  REQUIRE(run_until(loop, [&] { return a.ready(); }));
  a.send(b.id(), chunk(0));
  REQUIRE(run_until(loop, [&] { return b.messages.size() == 1; }));
  REQUIRE(b.judged.size() == 2);
  Hello expected = a.hello();
  expected.to = b.id();
  CHECK(b.judged[0] == expected);
  expected.lane = Lane::kBulk;
  CHECK(b.judged[1] == expected);
}

TEST_CASE("snapshot chunks travel apart, on a connection that is there only while it is needed") {
  asio::io_context loop;
  TcpOptions options = TestNode::defaults();
  options.idle_timeout = 100'000;
  TestNode a(loop, 1, options);
  TestNode b(loop, 2);
  a.connect_to(b);
  REQUIRE(run_until(loop, [&] { return a.ready(1); }));
  for (std::uint64_t i = 0; i < 100; ++i) {
    a.send(b.id(), chunk(i));
    a.send(b.id(), numbered(i));
  }
  CHECK(run_until(loop, [&] { return a.ready(2); }));
  REQUIRE(run_until(loop, [&] { return b.messages.size() == 200; }));
  std::uint64_t chunks = 0;
  std::uint64_t others = 0;
  for (const raft::Envelope& each : b.messages) {
    if (const auto* request = std::get_if<raft::SnapshotRequest>(&each.message)) {
      CHECK(request->chunk.offset == chunks++);
    } else {
      CHECK(number_of(each) == others++);
    }
  }
  CHECK(run_until(loop, [&] { return a.ready(1); }));
  CHECK(a.unreachable.empty());
  a.send(b.id(), chunk(100));
  CHECK(run_until(loop, [&] { return b.messages.size() == 201; }));
}

TEST_CASE("a peer that restarts on its port is found again, and the break is told once") {
  asio::io_context loop;
  TestNode a(loop, 1);
  auto b = std::make_unique<TestNode>(loop, 2);
  a.connect_to(*b);
  REQUIRE(run_until(loop, [&] { return a.ready(); }));
  TcpOptions same_port = TestNode::defaults();
  same_port.port = b->port();
  b.reset();
  REQUIRE(run_until(loop, [&] { return !a.unreachable.empty(); }));
  run_for(loop, 2 * to_duration(kElectionTimeout));
  b = std::make_unique<TestNode>(loop, 2, same_port);
  REQUIRE(run_until(loop, [&] { return a.ready(); }));
  a.send(b->id(), numbered(1));
  CHECK(run_until(loop, [&] { return b->messages.size() == 1; }));
  CHECK(a.unreachable == std::vector{b->id()});
}

TEST_CASE("a peer that dials is dialed at once, whatever the back-off") {
  asio::io_context loop;
  TcpOptions patient = TestNode::defaults();
  patient.election_timeout = 60'000'000;  // back-off up to 30 s
  BareListener nobody(loop);
  TestNode b(loop, 2);
  TestNode a(loop, 1, patient);
  // Nobody greets at that address, so the attempt fails when its connection breaks.
  a.transport().set_peers({{b.id(), address_of(nobody.port())}});
  for (int failures = 0; failures < 8; ++failures) {
    std::optional<BareSocket> accepted;
    REQUIRE(run_until(loop, [&] { return (accepted = nobody.accept()).has_value(); }));
  }
  const Clock::time_point before = Clock::now();
  b.connect_to(a);
  std::optional<BareSocket> accepted;
  REQUIRE(run_until(loop, [&] { return (accepted = nobody.accept()).has_value(); }));
  CHECK(Clock::now() - before < std::chrono::milliseconds(500));
}

TEST_CASE("a peer is dialed at its new address, and one that left is let go") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode old_place(loop, 2);
  TestNode new_place(loop, 2);
  TestNode c(loop, 3);
  a.transport().set_peers({old_place.as_peer(), c.as_peer()});
  REQUIRE(run_until(loop, [&] { return a.ready(2); }));
  a.transport().set_peers({new_place.as_peer(), c.as_peer()});
  REQUIRE(run_until(loop, [&] { return a.ready(2); }));
  a.send(member(2), numbered(1));
  CHECK(run_until(loop, [&] { return new_place.messages.size() == 1; }));
  CHECK(old_place.messages.empty());
  CHECK(c.judged.size() == 1);  // never disturbed
  CHECK(a.unreachable == std::vector{member(2)});

  a.transport().set_peers({new_place.as_peer()});
  CHECK(a.ready(1));
  CHECK(run_until(loop, [&] { return c.transport().counters().accepted_connections == 0; }));
  a.send(c.id(), numbered(1));
  CHECK(a.transport().counters().messages_dropped == 1);
}

TEST_CASE("of two connections of one member on one lane the newer one stays") {
  asio::io_context loop;
  TestNode b(loop, 2);
  Hello hello = b.hello();
  hello.from = member(1);
  hello.to = b.id();
  BareSocket first = BareSocket::dial(loop, b.port());
  first.write(hello);
  REQUIRE(run_until(loop, [&] { return first.next().has_value(); }));
  BareSocket second = BareSocket::dial(loop, b.port());
  second.write(hello);
  REQUIRE(run_until(loop, [&] { return second.next().has_value(); }));
  CHECK(run_until(loop, [&] { return first.is_closed(); }));
  second.write(Frame(numbered(5)));
  CHECK(run_until(loop, [&] { return b.messages.size() == 1; }));
  CHECK(b.transport().counters().accepted_connections == 1);
}

TEST_CASE("a member that is no peer any more is closed, and judged anew when it dials again") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  a.connect_to(b);
  b.connect_to(a);
  REQUIRE(run_until(loop, [&] { return a.ready() && b.ready(); }));
  b.verdict = Refused{Refused::Reason::kRemoved, kCluster, raft::Index(99), "removed"};
  b.transport().set_peers({});
  CHECK(run_until(loop, [&] { return !a.refusals.empty(); }));
  CHECK(a.refusals[0] == *b.verdict);
}

TEST_CASE("a port in use is an error at once, and so is a host that is not here") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TcpOptions taken = TestNode::defaults();
  taken.port = a.port();
  const auto again = TcpTransport::open(loop, taken);
  REQUIRE(!again.ok());
  CHECK(again.error().message ==
        "cannot listen on peer address " + address_of(a.port()) + ", address " +
            address_of(a.port()) + ": Address already in use");
  TcpOptions elsewhere = TestNode::defaults();
  elsewhere.host = "203.0.113.1";
  CHECK(!TcpTransport::open(loop, elsewhere).ok());
}

}  // namespace
}  // namespace ticketd::net
