#include "tests/server/cluster.h"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <set>
#include <utility>

namespace ticketd::server::testing {

// --- Cluster --------------------------------------------------------------------------------------

Cluster::Cluster() : network(world) { spdlog::set_level(spdlog::level::off); }

void Cluster::make(Node& node) {
  node.loop = std::make_unique<FakeLoop>(world);
  node.disk = std::make_unique<FakeDisk>(world, node.platter);
  node.transport = std::make_unique<FakeTransport>(network, node.address);
  ReplicaOptions options;
  options.raft.self = {node.platter->identity.node, node.platter->identity.incarnation};
  options.raft.seed = node.platter->identity.node.value * 7919 + world.now().value;
  options.raft.snapshot_chunk_bytes = 64;
  options.cluster_id = node.platter->identity.cluster_id;
  options.addresses = {node.address, "http-" + node.address, ""};
  options.key_limits = key_limits;
  options.allow_delete = allow_delete;
  ReplicaCallbacks callbacks;
  callbacks.voting = [&node] { node.voting = true; };
  callbacks.ended = [&node](End why, const std::string& message) {
    node.ended = why;
    node.end_message = message;
  };
  node.replica = std::make_unique<Replica>(options, node.disk->opened(), *node.loop, *node.disk,
                                           *node.transport, callbacks);
  node.transport->start(*node.replica);
  node.replica->start();
}

void Cluster::bootstrap(std::uint64_t id) {
  Node& node = nodes[id];
  node.address = "node" + std::to_string(id) + ":1";
  node.platter = std::make_shared<Platter>();
  node.platter->identity = {raft::NodeId(id), raft::Incarnation(1), cluster_id, 0, false, ""};
  raft::Member self;
  self.id = {raft::NodeId(id), raft::Incarnation(1)};
  self.voter = true;
  self.addresses = {node.address, "http-" + node.address, ""};
  node.platter->hard_state.current_term = raft::Term(1);
  node.platter->log.push_back({raft::Index(1), raft::Term(1), raft::EntryType::kConfiguration,
                               raft::Payload(raft::Configuration({self}).encode())});
  make(node);
}

bool Cluster::join(std::uint64_t id, bool replace) {
  const std::string address = "node" + std::to_string(id) + ":1";
  net::JoinCall call{raft::NodeId(id), world.now().value, replace,
                     {address, "http-" + address, ""}, ticket::kCommandVersion};
  std::optional<net::JoinReply> joined;
  const bool admitted = world.run_until([&] {
    const std::uint64_t leader = await_leader();
    const net::Reply reply = ask(leader, call);
    if (const auto* accepted = std::get_if<net::JoinReply>(&reply)) joined = *accepted;
    const auto* error = std::get_if<net::ErrorReply>(&reply);
    return joined.has_value() || (error && error->code == net::ErrorReply::Code::kRefused);
  });
  if (!admitted || !joined) return false;
  Node& node = nodes[id];
  node = Node();
  node.address = address;
  node.platter = std::make_shared<Platter>();
  node.platter->identity = {raft::NodeId(id), joined->self.incarnation, joined->cluster_id, 1, false, ""};
  make(node);
  return world.run_until([&] { return node.voting; });
}

void Cluster::crash(std::uint64_t id) {
  Node& node = at(id);
  if (node.replica) node.replica->close();
  node.replica.reset();
  node.transport.reset();
  node.disk.reset();
  node.loop.reset();
}

void Cluster::restart(std::uint64_t id) { make(at(id)); }

std::uint64_t Cluster::await_leader() {
  std::uint64_t leader = 0;
  const bool found = world.run_until([&] {
    for (auto& [id, node] : nodes) {
      if (!node.replica || node.ended || !node.replica->node().ready_to_serve()) continue;
      if (!network.connected(raft::NodeId(id), raft::NodeId(id))) continue;
      leader = id;
      return true;
    }
    return false;
  });
  REQUIRE_MESSAGE(found, "no leader");
  return leader;
}

net::Reply Cluster::ask(std::uint64_t id, net::Call call) {
  std::optional<net::Reply> reply;
  at(id).replica->on_request(std::move(call), [&](net::Reply r) { reply = std::move(r); });
  REQUIRE(world.run_until([&] { return reply.has_value(); }));
  return *reply;
}

ticket::Answer Cluster::take(std::uint64_t id, std::uint64_t count) {
  return change(id, {.value = count});
}

ticket::Answer Cluster::change(std::uint64_t id, ticket::Request request) {
  std::optional<ticket::Answer> answer;
  at(id).replica->change(std::move(request), [&](ticket::Answer a) { answer = std::move(a); });
  REQUIRE(world.run_until([&] { return answer.has_value(); }));
  return *answer;
}

ticket::QueryAnswer Cluster::read(std::uint64_t id, ticket::Query query) {
  std::optional<ticket::QueryAnswer> answer;
  at(id).replica->read(std::move(query), [&](ticket::QueryAnswer a) { answer = std::move(a); });
  REQUIRE(world.run_until([&] { return answer.has_value(); }));
  return *answer;
}

// --- Three ----------------------------------------------------------------------------------------

Three::Three() {
  bootstrap(1);
  REQUIRE(join(2));
  REQUIRE(join(3));
}

void Three::settle() {
  REQUIRE(world.run_until([&] {
    std::set<std::pair<std::uint64_t, std::uint64_t>> states;
    for (auto& [id, node] : nodes) {
      if (!node.replica) continue;
      const ticket::Summary& summary = node.replica->summary();
      states.emplace(summary.applied_index.value, summary.digest);
    }
    return states.size() == 1;
  }));
}

bool is_unavailable(const ticket::Answer& answer) {
  const auto* not_done = std::get_if<ticket::NotDone>(&answer);
  return not_done != nullptr && not_done->why == ticket::NotDone::Why::kNoLeader;
}

}  // namespace ticketd::server::testing
