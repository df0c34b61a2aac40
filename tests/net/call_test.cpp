// Requests between members: answered exactly once, whatever happens.
#include <doctest/doctest.h>

#include "tests/net/network.h"

namespace ticketd::net {
namespace {

constexpr raft::Micros kLong = 60'000'000;
const Welcome kWelcome{kCluster, member(2), 1, raft::Index(1)};

/// What became of a call.
struct Waiting {
  std::vector<CallResult> results;

  std::function<void(CallResult)> callback() {
    return [this](CallResult result) { results.push_back(std::move(result)); };
  }
  bool done() const { return !results.empty(); }
  bool failed_as(CallFailure failure) const {
    return results.size() == 1 && results[0] == CallResult(failure);
  }
};

TEST_CASE("a request is carried to the peer and its reply back") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  b.answer = [](const Call& call) -> Reply {
    return ChangeReply{1000, std::get<ChangeCall>(call).value};
  };
  a.connect_to(b);
  REQUIRE(run_until(loop, [&] { return a.ready(); }));
  Waiting waiting;
  a.transport().call(b.id(), ChangeCall{ticket::Kind::kTake, "orders", 17, "", kLong}, kLong,
                     waiting.callback());
  CHECK(!waiting.done());
  REQUIRE(run_until(loop, [&] { return waiting.done(); }));
  CHECK(waiting.results == std::vector{CallResult(Reply(ChangeReply{1000, 17}))});
}

TEST_CASE("many requests are answered each with its own, in any order") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  a.connect_to(b);
  REQUIRE(run_until(loop, [&] { return a.ready(); }));
  constexpr std::size_t kCount = 1000;
  std::vector<std::uint64_t> answers(kCount);
  std::size_t answered = 0;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    a.transport().call(b.id(), ChangeCall{ticket::Kind::kAdvance, "", i, "", kLong}, kLong,
                       [&, i](CallResult result) {
                         answers[i] += std::get<ChangeReply>(std::get<Reply>(result)).first;
                         ++answered;
                       });
  }
  REQUIRE(run_until(loop, [&] { return b.requests.size() == kCount; }));
  for (const std::size_t step : {1U, 0U}) {  // the odd ones first, each half from the back
    for (std::size_t i = kCount - 2 + step; i < kCount; i -= 2) {
      b.requests[i].second(ChangeReply{std::get<ChangeCall>(b.requests[i].first).value + 5, 1});
    }
  }
  REQUIRE(run_until(loop, [&] { return answered == kCount; }));
  for (std::uint64_t i = 0; i < kCount; ++i) {
    CHECK(answers[i] == i + 5);
  }
}

TEST_CASE("without a connection nothing is sent, and that is said, never from inside the call") {
  asio::io_context loop;
  BareListener listener(loop);
  TestNode a(loop, 1);
  Waiting unknown;
  Waiting connecting;
  a.transport().call(member(9), StatusCall{}, kLong, unknown.callback());
  a.transport().set_peers({{member(2), address_of(listener.port())}});
  a.transport().call(member(2), StatusCall{}, kLong, connecting.callback());
  CHECK(!unknown.done());
  CHECK(!connecting.done());
  CHECK(run_until(loop, [&] { return unknown.failed_as(CallFailure::kNotSent); }));
  CHECK(run_until(loop, [&] { return connecting.failed_as(CallFailure::kNotSent); }));
}

TEST_CASE("a call that outlives its time ends without a reply, and a late reply is ignored") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  a.connect_to(b);
  REQUIRE(run_until(loop, [&] { return a.ready(); }));
  Waiting late;
  Waiting patient;
  const Clock::time_point began = Clock::now();
  a.transport().call(b.id(), StatusCall{}, kLong, patient.callback());
  a.transport().call(b.id(), StatusCall{}, 100'000, late.callback());
  REQUIRE(run_until(loop, [&] { return late.done(); }));
  CHECK(Clock::now() - began >= std::chrono::milliseconds(100));
  CHECK(Clock::now() - began < std::chrono::seconds(2));
  REQUIRE(b.requests.size() == 2);
  b.requests[1].second(DoneReply{"late"});
  b.requests[0].second(DoneReply{"in time"});
  REQUIRE(run_until(loop, [&] { return patient.done(); }));
  CHECK(late.failed_as(CallFailure::kNoReply));
  CHECK(patient.results == std::vector{CallResult(Reply(DoneReply{"in time"}))});
  CHECK(a.ready());
}

TEST_CASE("calls end without a reply when the connection breaks") {
  asio::io_context loop;
  BareListener listener(loop);
  TestNode a(loop, 1);
  a.transport().set_peers({{member(2), address_of(listener.port())}});
  std::optional<BareSocket> b = listener.welcome(loop, kWelcome);
  REQUIRE(b);
  REQUIRE(run_until(loop, [&] { return a.ready(); }));
  Waiting waiting[3];
  for (Waiting& each : waiting) {
    a.transport().call(member(2), StatusCall{}, kLong, each.callback());
  }
  b->close();
  REQUIRE(run_until(loop, [&] { return waiting[2].done(); }));
  for (const Waiting& each : waiting) {
    CHECK(each.failed_as(CallFailure::kNoReply));
  }
  CHECK(a.unreachable == std::vector{member(2)});
}

TEST_CASE("calls end without a reply when the peer leaves, and when the transport closes") {
  for (const bool close : {false, true}) {
    asio::io_context loop;
    TestNode a(loop, 1);
    TestNode b(loop, 2);
    a.connect_to(b);
    REQUIRE(run_until(loop, [&] { return a.ready(); }));
    Waiting sent;
    Waiting not_sent;
    a.transport().call(b.id(), StatusCall{}, kLong, sent.callback());
    a.transport().call(member(9), StatusCall{}, kLong, not_sent.callback());
    if (close) {
      a.transport().close();
      CHECK(sent.done());  // before close() returned
      CHECK(not_sent.done());
      Waiting after;
      a.transport().call(b.id(), StatusCall{}, kLong, after.callback());
      CHECK(!after.done());
      CHECK(run_until(loop, [&] { return after.failed_as(CallFailure::kNotSent); }));
    } else {
      a.transport().set_peers({});
      CHECK(!sent.done());
    }
    CHECK(run_until(loop, [&] { return sent.done() && not_sent.done(); }));
    CHECK(sent.failed_as(CallFailure::kNoReply));
    CHECK(not_sent.failed_as(CallFailure::kNotSent));
    CHECK(a.unreachable.empty());
  }
}

TEST_CASE("a callback may close the transport that calls it") {
  asio::io_context loop;
  TestNode a(loop, 1);
  TestNode b(loop, 2);
  a.connect_to(b);
  REQUIRE(run_until(loop, [&] { return a.ready(); }));
  Waiting others;
  int calls = 0;
  const auto close = [&](CallResult) {
    ++calls;
    a.transport().close();
  };
  a.transport().call(b.id(), StatusCall{}, 1, close);
  for (int i = 0; i < 3; ++i) {
    a.transport().call(b.id(), StatusCall{}, 1, others.callback());
  }
  REQUIRE(run_until(loop, [&] { return others.results.size() == 3; }));
  CHECK(calls == 1);
}

TEST_CASE("an answer may come after its connection, and after the transport") {
  asio::io_context loop;
  auto node = std::make_unique<TestNode>(loop, 1);
  std::vector<BareSocket> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(BareSocket::dial(loop, node->port()));
    clients.back().write(ClientHello{});
    clients.back().write(Frame(Request{1, StatusCall{}}));
  }
  REQUIRE(run_until(loop, [&] { return node->requests.size() == 2; }));
  clients[0].close();
  REQUIRE(run_until(loop, [&] { return node->transport().counters().accepted_connections == 1; }));
  auto requests = std::move(node->requests);
  requests[0].second(DoneReply{"nobody hears"});
  requests[1].second(DoneReply{"queued"});
  node->stop();
  Responder spare = requests[1].second;
  node.reset();
  requests.clear();
  run_for(loop, std::chrono::milliseconds(20));
}

TEST_CASE("an answer after close() is dropped") {
  asio::io_context loop;
  TestNode node(loop, 1);
  BareSocket client = BareSocket::dial(loop, node.port());
  client.write(ClientHello{});
  client.write(Frame(Request{1, StatusCall{}}));
  REQUIRE(run_until(loop, [&] { return node.requests.size() == 1; }));
  node.transport().close();
  node.requests[0].second(DoneReply{"too late"});
  CHECK(run_until(loop, [&] { return client.is_closed(); }));
}

// --- The end -------------------------------------------------------------------------------------

TEST_CASE("a transport may be closed or destroyed in any event, with handlers still queued") {
  for (const std::string which :
       {"message", "status", "unreachable", "request", "judge", "refused"}) {
    for (const bool destroy : {false, true}) {
      CAPTURE(which);
      asio::io_context loop;
      TestNode a(loop, 1);
      TestNode b(loop, 2);
      bool ended = false;
      const auto arm = [&](TestNode& node) {
        node.on_event = [&] {
          if (!ended) {
            ended = true;
            destroy ? node.stop() : node.transport().close();
          }
        };
      };
      if (which == "judge" || which == "refused") {
        b.verdict = Refused{Refused::Reason::kStarting, 0, {}, ""};
        arm(which == "judge" ? b : a);
      }
      a.connect_to(b);
      if (!b.verdict) {
        REQUIRE(run_until(loop, [&] { return a.ready(); }));
        arm(which == "unreachable" ? a : b);
        a.send(b.id(), numbered(1));
        a.send(b.id(), chunk(1));
        a.send(b.id(), numbered(2));
      }
      if (which == "status") {
        a.transport().send(b.id(), MemberStatus{});
      } else if (which == "request") {
        a.transport().call(b.id(), StatusCall{}, kLong, [](CallResult) {});
      } else if (which == "unreachable") {
        b.stop();
      }
      CHECK(run_until(loop, [&] { return ended; }));
      run_for(loop, std::chrono::milliseconds(10));
    }
  }
}

TEST_CASE("a loop may be dropped with everything still on it") {
  auto loop = std::make_unique<asio::io_context>();
  auto a = std::make_unique<TestNode>(*loop, 1);
  auto b = std::make_unique<TestNode>(*loop, 2);
  a->connect_to(*b);
  REQUIRE(run_until(*loop, [&] { return a->ready(); }));
  for (std::uint64_t i = 0; i < 10; ++i) {
    a->send(b->id(), numbered(i));
    a->send(b->id(), chunk(i));
  }
  a->transport().set_peers({b->as_peer(), {member(3), "localhost:1"}});
  a->transport().call(b->id(), StatusCall{}, kLong, [](CallResult) {});
  a->stop();
  b->stop();
  loop.reset();
}

}  // namespace
}  // namespace ticketd::net
