// The blocking client, against nodes on a thread of their own.
#include "net/client.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "net/exchange.h"
#include "tests/net/network.h"

namespace ticketd::net {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeout{2000};
constexpr milliseconds kShort{300};

/// Runs a loop on a thread, for as long as it lives.
class LoopThread {
 public:
  explicit LoopThread(asio::io_context& loop)
      : loop_(loop), thread_([this] {
          while (!stop_) {
            loop_.restart();
            loop_.run_for(milliseconds(5));
          }
        }) {}
  ~LoopThread() {
    stop_ = true;
    thread_.join();
  }

 private:
  asio::io_context& loop_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// A node that answers as told, and counts what it is asked.
struct Server {
  Server(asio::io_context& loop, std::uint64_t id, std::function<Reply(const Call&)> answer)
      : node(loop, id) {
    node.answer = [this, answer = std::move(answer)](const Call& call) {
      ++asked;
      return answer(call);
    };
    node.verdict.reset();
  }
  std::string address() const { return address_of(node.port()); }

  TestNode node;
  std::atomic<int> asked = 0;
};

ErrorReply error(ErrorReply::Code code, std::string leader = "") {
  return {code, "told so", std::move(leader), false};
}

Reply take_17(const Call&) { return ChangeReply{1000, 17}; }

ChangeCall take(std::uint64_t count, std::string key = "") {
  return {ticket::Kind::kTake, "", count, std::move(key), 0};
}

/// A port at which nobody listens.
std::string dead_address() {
  asio::io_context loop;
  return address_of(BareListener(loop).port());
}

std::string fault(const Result<Reply>& result) { return result ? "" : result.error().message; }

TEST_CASE("a client's call is carried to the node and its reply back") {
  asio::io_context loop;
  Server server(loop, 1, take_17);
  const LoopThread thread(loop);
  Client client(kTimeout);
  for (int i = 0; i < 3; ++i) {
    const Result<Reply> reply = client.call(server.address(), take(17));
    REQUIRE_MESSAGE(reply.ok(), fault(reply));
    CHECK(*reply == Reply(ChangeReply{1000, 17}));
  }
  CHECK(client.call("localhost:" + std::to_string(server.node.port()), StatusCall{}).ok());
  CHECK(server.asked == 4);
}

TEST_CASE("what hinders a call before it is sent is said") {
  Client client(kTimeout);
  const std::string dead = dead_address();
  CHECK(fault(client.call(dead, StatusCall{})) ==
        "no node answers at " + dead + " (Connection refused); is it running?");
  CHECK(fault(client.call("nonsense", StatusCall{})).find("write HOST:PORT") != std::string::npos);
  CHECK(fault(client.call("no.such.host.invalid:1", StatusCall{}))
            .find("cannot resolve the host name 'no.such.host.invalid'") != std::string::npos);
  CHECK(fault(client.call(dead, ChangeCall{ticket::Kind::kTake, std::string(256, 'x'), 1, "",
                                           0})) == "sequence is longer than 255 bytes");
  CHECK(fault(client.call_leader({}, StatusCall{})) == "no address of a member was given");
}

TEST_CASE("a node of another cluster is not asked") {
  asio::io_context loop;
  Server server(loop, 1, take_17);
  const LoopThread running(loop);
  Client client(kTimeout);
  client.expect_cluster(kCluster);
  CHECK(client.call(server.address(), StatusCall{}).ok());
  client.expect_cluster(kCluster + 1);
  const Result<Reply> refused = client.call(server.address(), StatusCall{});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("another cluster") != std::string::npos);
  CHECK(server.asked == 1);
}

TEST_CASE("a listener that is no node is found out in time") {
  asio::io_context loop;
  BareListener silent(loop);  // the kernel completes the connection, nobody answers
  const Clock::time_point began = Clock::now();
  const std::string reason = fault(Client(kShort).call(address_of(silent.port()), StatusCall{}));
  CHECK(reason.find("does not greet: no answer in time") != std::string::npos);
  CHECK(Clock::now() - began >= kShort);
  CHECK(Clock::now() - began < 10 * kShort);

  std::optional<BareSocket> accepted;
  REQUIRE(run_until(loop, [&] { return (accepted = silent.accept()).has_value(); }));
  BareListener web(loop);
  std::thread server([&] {
    std::optional<BareSocket> dialer;
    run_until(loop, [&] { return (dialer = web.accept()).has_value(); });
    dialer->write("HTTP/1.1 400 Bad Request\r\n\r\n");
    run_until(loop, [&] { return dialer->is_closed(); });
  });
  CHECK(fault(Client(kTimeout).call(address_of(web.port()), StatusCall{}))
            .find("is this its --raft_port?") != std::string::npos);
  server.join();
}

TEST_CASE("a node that refuses the client is quoted") {
  asio::io_context loop;
  TestNode events(loop, 1);
  auto starting = TcpTransport::open(loop, TestNode::defaults());  // does not know who it is
  REQUIRE(starting.ok());
  (*starting)->start(events);
  const LoopThread thread(loop);
  CHECK(fault(Client(kTimeout).call(address_of((*starting)->port()), StatusCall{}))
            .find("refuses the connection: this node is starting") != std::string::npos);
}

/// Welcomes one client and hears its request; then does as told.
struct Listener {
  explicit Listener(std::function<void(BareSocket&)> then)
      : listener(loop), thread([this, then = std::move(then)] {
          auto client = listener.welcome(loop, {kCluster, member(1), 1, raft::Index(1)});
          client->hear(Hearing::kRequests);
          run_until(loop, [&] { return client->next().has_value(); });
          then(*client);
        }) {}
  ~Listener() { thread.join(); }

  asio::io_context loop;
  BareListener listener;
  std::thread thread;
};

TEST_CASE("when a request was sent and no reply came, it may have been carried out") {
  {
    Listener breaks([](BareSocket& client) { client.close(); });
    CHECK(fault(Client(kTimeout).call(address_of(breaks.listener.port()), StatusCall{}))
              .find("(it closed the connection); the request may have been carried out") !=
          std::string::npos);
  }
  Listener hangs(
      [&](BareSocket& client) { run_until(hangs.loop, [&] { return client.is_closed(); }); });
  CHECK(fault(Client(kShort).call(address_of(hangs.listener.port()), StatusCall{}))
            .find("(no answer in time); the request may have been carried out") !=
        std::string::npos);
}

TEST_CASE("the leader is found from any member, past dead ones") {
  asio::io_context loop;
  Server leader(loop, 1, take_17);
  Server follower(
      loop, 2, [&](const Call&) { return error(ErrorReply::Code::kNotLeader, leader.address()); });
  const LoopThread thread(loop);
  const Result<Reply> reply =
      Client(kTimeout).call_leader({dead_address(), follower.address(), dead_address()}, take(17));
  REQUIRE_MESSAGE(reply.ok(), fault(reply));
  CHECK(*reply == Reply(ChangeReply{1000, 17}));
  CHECK(follower.asked == 1);
  CHECK(leader.asked == 1);
}

TEST_CASE("an election is waited out") {
  asio::io_context loop;
  std::atomic<int> before = 3;
  Server server(loop, 1, [&](const Call& call) -> Reply {
    const int left = before--;
    return left > 2   ? Reply(error(ErrorReply::Code::kNoLeader))
           : left > 0 ? Reply(error(ErrorReply::Code::kBusy))
                      : take_17(call);
  });
  const LoopThread thread(loop);
  const Result<Reply> reply = Client(kTimeout).call_leader({server.address()}, take(17));
  REQUIRE_MESSAGE(reply.ok(), fault(reply));
  CHECK(server.asked == 4);
}

TEST_CASE("members that name each other are not asked without end or pause") {
  asio::io_context loop;
  std::string first_address;
  Server second(loop, 2,
                [&](const Call&) { return error(ErrorReply::Code::kNotLeader, first_address); });
  Server first(loop, 1,
               [&](const Call&) { return error(ErrorReply::Code::kNotLeader, second.address()); });
  first_address = first.address();
  const LoopThread thread(loop);
  CHECK(fault(Client(kShort).call_leader({first.address()}, StatusCall{})) ==
        "no leader answered within 300 ms; last: told so");
  CHECK(first.asked + second.asked < 40);
}

TEST_CASE("a take of unknown outcome is never sent twice, a read is") {
  asio::io_context loop;
  Server unsure(loop, 1, [](const Call&) { return error(ErrorReply::Code::kUnknown); });
  Server sure(loop, 2, [](const Call&) { return DoneReply{"here"}; });
  const LoopThread thread(loop);
  const std::vector<std::string> both = {unsure.address(), sure.address()};
  const Result<Reply> taken = Client(kTimeout).call_leader(both, take(1));
  REQUIRE(taken.ok());
  CHECK(*taken == Reply(error(ErrorReply::Code::kUnknown)));
  CHECK(unsure.asked == 1);
  CHECK(sure.asked == 0);
  CHECK(*Client(kTimeout).call_leader(both, StatusCall{}) == Reply(DoneReply{"here"}));
  CHECK(unsure.asked == 2);

  Listener breaks([](BareSocket& client) { client.close(); });
  const std::string broken = address_of(breaks.listener.port());
  const Result<Reply> lost = Client(kTimeout).call_leader({broken, sure.address()}, take(1));
  REQUIRE(lost.ok());
  CHECK(std::get<ErrorReply>(*lost).code == ErrorReply::Code::kUnknown);
  CHECK(std::get<ErrorReply>(*lost).message.find("may have been carried out") != std::string::npos);
  CHECK(sure.asked == 1);
}

TEST_CASE("a change with an idempotency key is asked for again until its outcome is known") {
  asio::io_context loop;
  Server unsure(loop, 1, [](const Call&) { return error(ErrorReply::Code::kUnknown); });
  Server sure(loop, 2, [](const Call& call) {
    return ChangeReply{7, 1, std::get<ChangeCall>(call).key == "again"};
  });
  Listener hangs(
      [&](BareSocket& client) { run_until(hangs.loop, [&] { return client.is_closed(); }); });
  const LoopThread thread(loop);
  const Result<Reply> reply = Client(kTimeout).call_leader(
      {unsure.address(), address_of(hangs.listener.port()), sure.address()}, take(1, "again"));
  REQUIRE_MESSAGE(reply.ok(), fault(reply));
  CHECK(*reply == Reply(ChangeReply{7, 1, true}));
  CHECK(unsure.asked == 1);
}

TEST_CASE("a change of which one attempt may have been done is never called not done") {
  asio::io_context loop;
  Server unsure(loop, 1, [](const Call&) { return error(ErrorReply::Code::kUnknown); });
  std::atomic<ErrorReply::Code> code = ErrorReply::Code::kNoSpace;
  Server other(loop, 2, [&](const Call&) { return error(code); });
  const LoopThread thread(loop);
  const std::vector<std::string> both = {unsure.address(), other.address()};
  using Code = ErrorReply::Code;
  for (const Code refusal : {Code::kNoSpace, Code::kRefused, Code::kKeysFull, Code::kForbidden}) {
    code = refusal;
    CHECK(*Client(kTimeout).call_leader(both, take(1, "k")) == Reply(error(Code::kUnknown)));
  }
  // The state machine's word is for the key, whichever attempt it came to first.
  for (const Code verdict : {Code::kOverflow, Code::kBehind, Code::kKeyReused}) {
    code = verdict;
    CHECK(*Client(kTimeout).call_leader(both, take(1, "k")) == Reply(error(verdict)));
  }
  code = Code::kBusy;
  const Result<Reply> late = Client(kShort).call_leader(both, take(1, "k"));
  REQUIRE(late.ok());
  CHECK(std::get<ErrorReply>(*late).code == Code::kUnknown);
  CHECK(std::get<ErrorReply>(*late).message.find("within 300 ms") != std::string::npos);
}

TEST_CASE("an address of a name that does not answer leaves time for the next one") {
  asio::io_context loop;
  Server server(loop, 1, take_17);
  BareListener silent(loop);  // the kernel completes the connection, nobody greets
  const LoopThread thread(loop);
  const auto at = [](std::uint16_t port) {
    return asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port);
  };
  const Clock::time_point began = Clock::now();
  const Outcome outcome = ask("name:1", {at(silent.port()), at(server.node.port())}, take(17),
                              std::nullopt, began + kTimeout, began + kTimeout);
  REQUIRE_MESSAGE(outcome.reply.ok(), fault(outcome.reply));
  CHECK(*outcome.reply == Reply(ChangeReply{1000, 17}));
  CHECK(Clock::now() - began >= kTimeout / 2);

  const Clock::time_point again = Clock::now();
  const Outcome none = ask("name:1", {at(silent.port()), at(silent.port())}, take(17), std::nullopt,
                           again + kShort, again + kTimeout);
  CHECK(fault(none.reply).find("the node at name:1 does not greet") != std::string::npos);
  CHECK(!none.may_be_done);
  CHECK(Clock::now() - again < kTimeout);
}

TEST_CASE("a refusal for good is handed over as it is") {
  asio::io_context loop;
  Server server(loop, 1, [](const Call&) { return error(ErrorReply::Code::kRefused); });
  const LoopThread thread(loop);
  const Result<Reply> reply = Client(kTimeout).call_leader({server.address()}, StatusCall{});
  REQUIRE(reply.ok());
  CHECK(*reply == Reply(error(ErrorReply::Code::kRefused)));
  CHECK(server.asked == 1);
}

}  // namespace
}  // namespace ticketd::net
