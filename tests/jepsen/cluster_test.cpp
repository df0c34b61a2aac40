// Real nodes, on hosts of their own and on the loopback.
#include "jepsen/cluster.h"

#include <doctest/doctest.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>

#include "jepsen/node_client.h"
#include "tests/jepsen/hosts.h"

namespace ticketd::jepsen {
namespace {

using std::chrono::seconds;

constexpr seconds kPatience(60);

/// A directory that goes with the test.
struct Scratch {
  Scratch() { std::filesystem::create_directories(path); }
  ~Scratch() { std::filesystem::remove_all(path); }
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("ticketd-jepsen-test-" + std::to_string(::getpid()));
};

ClusterOptions options_in(const Scratch& scratch) {
  ClusterOptions options;
  options.program = TICKETD_PROGRAM;
  options.directory = scratch.path;
  // A slow machine shall not depose leaders by its load alone.
  options.options = {"--election-timeout", "1000", "--heartbeat", "100"};
  return options;
}

void require(const Status& done) { REQUIRE_MESSAGE(done.ok(), done.error().message); }

Reply ask(NodeClient& client, asio::io_context& loop, std::uint32_t node,
          const Question& question = {}) {
  std::optional<Reply> reply;
  client.ask(node, {question}, TicketClient::Clock::now() + kPatience,
             [&](std::size_t, const Reply& told) { reply = told; });
  loop.restart();
  while (!reply && loop.run_one() > 0) {
  }
  REQUIRE(reply);
  INFO(reply->error);
  REQUIRE(reply->type == EventType::kOk);
  return *reply;
}

std::uint32_t wait_leader(Cluster& cluster, std::uint32_t besides = 0) {
  const auto deadline = Cluster::Clock::now() + kPatience;
  while (Cluster::Clock::now() < deadline) {
    const std::uint32_t leader = cluster.leader();
    if (leader != 0 && leader != besides) return leader;
  }
  FAIL("nobody leads");
  return 0;
}

/// What every cluster does: it serves at each node, survives its leader, and comes to one state.
void exercise(Cluster& cluster) {
  asio::io_context loop;
  NodeClient client(loop, kHttp, cluster.http_addresses());
  NodeClient redis(loop, kRedis, cluster.redis_addresses());
  Question three;
  three.sequence = "orders";
  three.count = 3;
  std::uint64_t next = 0;
  for (std::uint32_t node = 1; node <= cluster.size(); ++node) {
    CHECK(ask(client, loop, node).end == 2 * node);
    CHECK(ask(redis, loop, node).end == 2 * node + 1);
    CHECK(ask(client, loop, node, three).begin == next);
    CHECK(ask(redis, loop, node, three).begin == next + 3);
    next += 6;
  }
  const std::uint32_t leader = wait_leader(cluster);
  cluster.kill(leader);
  CHECK_FALSE(cluster.running(leader));
  CHECK(cluster.ending(leader) == Ending{0, SIGKILL});
  const std::uint32_t other = wait_leader(cluster, leader);
  CHECK(ask(client, loop, other, three).begin == next);
  require(cluster.start(leader));
  require(cluster.wait_equal(kPatience));
  cluster.pause(leader);
  CHECK(cluster.paused(leader));
  CHECK_FALSE(cluster.status(leader));
  cluster.resume(leader);
  require(cluster.wait_equal(kPatience));
  for (std::uint32_t node = 1; node <= cluster.size(); ++node) {
    CHECK(cluster.stop(node) == Ending{0, 0});
  }
}

TEST_CASE("a cluster on the loopback survives its leader and comes to one state") {
  const Scratch scratch;
  Cluster cluster(options_in(scratch), nullptr);
  require(cluster.begin(kPatience));
  exercise(cluster);
}

TEST_CASE("a cluster on hosts of its own survives its leader and comes to one state") {
  const auto network = network_or_skip(4);
  if (!network) return;
  require(network->enter(Cluster::kClientHost));
  const Scratch scratch;
  Cluster cluster(options_in(scratch), network.get());
  require(cluster.begin(kPatience));
  exercise(cluster);
}

TEST_CASE("a leader that is cut off is replaced, and follows when the cut is healed") {
  const auto network = network_or_skip(4);
  if (!network) return;
  require(network->enter(Cluster::kClientHost));
  const Scratch scratch;
  Cluster cluster(options_in(scratch), network.get());
  require(cluster.begin(kPatience));
  const std::uint32_t leader = wait_leader(cluster);
  LinkFaults cut;
  cut.cut = true;
  for (std::size_t host = 0; host < network->size(); ++host) {
    network->links().set_faults(leader, host, cut);
    network->links().set_faults(host, leader, cut);
  }
  asio::io_context loop;
  NodeClient client(loop, kHttp, cluster.http_addresses());
  const std::uint32_t other = wait_leader(cluster, leader);
  CHECK(ask(client, loop, other).begin == 1);
  network->heal();
  require(cluster.wait_equal(kPatience));
  CHECK(ask(client, loop, leader).begin == 2);
}

TEST_CASE("a command that takes too long is ended, and what it said is told") {
  const Scratch scratch;
  Cluster cluster(options_in(scratch), nullptr);
  const auto version = cluster.command({"--version"}, kPatience);
  REQUIRE(version.ok());
  CHECK(version->ending == Ending{0, 0});
  CHECK_FALSE(version->output.empty());
  const auto wrong = cluster.command({"guess"}, kPatience);
  REQUIRE(wrong.ok());
  CHECK(wrong->ending == Ending{2, 0});
  // Nobody accepts, so the command would wait for an hour.
  asio::io_context loop;
  const asio::ip::tcp::acceptor mute(loop, {asio::ip::address_v4::loopback(), 0});
  const std::string peer = "127.0.0.1:" + std::to_string(mute.local_endpoint().port());
  const auto hasty = cluster.command({"status", "--peer", peer, "--request-timeout", "3600000"},
                                     Cluster::Duration(0));
  REQUIRE(hasty.ok());
  CHECK_FALSE(hasty->ending.has_value());
}

TEST_CASE("how a node ended by itself is told") {
  const Scratch scratch;
  Cluster cluster(options_in(scratch), nullptr);
  require(cluster.start(1));
  while (cluster.running(1)) {
  }
  CHECK(cluster.ending(1) == Ending{1, 0});  // an empty directory is no node
}

}  // namespace
}  // namespace ticketd::jepsen
