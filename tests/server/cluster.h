// Clusters of replicas over the fakes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/server/fakes.h"

namespace ticketd::server::testing {

class Cluster {
 public:
  struct Node {
    std::shared_ptr<Platter> platter;
    std::string address;
    std::unique_ptr<FakeLoop> loop;
    std::unique_ptr<FakeDisk> disk;
    std::unique_ptr<FakeTransport> transport;
    std::unique_ptr<Replica> replica;
    std::optional<End> ended;
    std::string end_message;
    bool voting = false;
  };

  Cluster();
  /// The first member of a new cluster.
  void bootstrap(std::uint64_t id);
  /// Asks the leader, and starts once admitted. Runs the world.
  bool join(std::uint64_t id, bool replace = false);
  void crash(std::uint64_t id);
  void restart(std::uint64_t id);
  /// Runs the world until one ready leader is known; its id.
  std::uint64_t await_leader();
  Node& at(std::uint64_t id) { return nodes.at(id); }
  net::Reply ask(std::uint64_t id, net::Call call);
  ticket::Answer take(std::uint64_t id, std::uint64_t count = 1);
  ticket::Answer change(std::uint64_t id, ticket::Request request);
  ticket::QueryAnswer read(std::uint64_t id, ticket::Query query);

  World world;
  FakeNetwork network;
  std::map<std::uint64_t, Node> nodes;
  std::uint64_t cluster_id = 77;
  ticket::KeyLimits key_limits{.age_us = 3'600'000'000, .keys = 1'000};
  bool allow_delete = false;

 private:
  void make(Node& node);
};

/// Three voters, node 1 began.
struct Three : Cluster {
  Three();
  /// A node that does not lead.
  std::uint64_t follower() { return await_leader() == 1 ? 2 : 1; }
  /// Until all that run are at one index with one digest.
  void settle();
};

/// Nothing was done, for want of a leader.
bool is_unavailable(const ticket::Answer& answer);

}  // namespace ticketd::server::testing
