// A cluster of real nodes: each a process with a data directory and a log, on a host of its own or,
// on the loopback, on ports of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "jepsen/network.h"
#include "jepsen/node_shim.h"
#include "jepsen/node_status.h"
#include "jepsen/process.h"

namespace ticketd::jepsen {

struct ClusterOptions {
  /// ticketd.
  std::filesystem::path program;
  /// Node n keeps its data in node<n>/ and its log in node<n>.log there. Must exist.
  std::filesystem::path directory;
  std::uint32_t nodes = 3;
  /// Of every node, such as {"--election-timeout", "500"}.
  std::vector<std::string> options;
  /// Of every node's process, NAME=VALUE.
  std::vector<std::string> environment;
  /// libticketd-shim.so, which every node preloads then; empty: none does.
  std::filesystem::path shim;
};

/// Nodes are numbered from 1. Functions are for one thread, which must live as long as the nodes
/// shall (process.h).
class Cluster {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = std::chrono::milliseconds;

  /// The host of the network on which clients are; node n is on host n.
  static constexpr std::size_t kClientHost = 0;
  /// How a node ends that was removed, one that refuses what it is started with, and one whose disk
  /// failed.
  static constexpr Ending kRemoved{3, 0}, kRefused{1, 0}, kDiskFailed{74, 0};

  /// Without a network: on the loopback. The network must live as long.
  Cluster(ClusterOptions options, const Network* network);

  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }
  Address http(std::uint32_t node) const;
  Address redis(std::uint32_t node) const;
  Address peer(std::uint32_t node) const;
  /// Of all nodes, as NodeClient takes them.
  std::vector<Address> http_addresses() const;
  std::vector<Address> redis_addresses() const;
  std::filesystem::path data(std::uint32_t node) const;
  std::filesystem::path log(std::uint32_t node) const;
  /// Its machine. Null without ClusterOptions::shim, and before it ran first.
  NodeShim* shim(std::uint32_t node) { return this->node(node).shim.get(); }

  /// Makes a new cluster of all nodes, and returns when all of them are voters.
  Status begin(Duration patience = std::chrono::seconds(30));

  /// Runs the node with what its directory holds; one that was joining, and was not seen to be a
  /// voter since, with the command by which it joined. Returns at once. Requires that it does not
  /// run.
  Status start(std::uint32_t node);
  /// Has it join the cluster by way of `contact`; `more` are options, such as --replace.
  Status join(std::uint32_t node, std::uint32_t contact, const std::vector<std::string>& more = {});

  /// Asks the cluster to remove the node, which then ends with kRemoved. False when that was not
  /// confirmed in time: it may happen yet.
  bool remove(std::uint32_t node, Duration patience = std::chrono::seconds(10));
  /// The same by the command for the node's own machine, which destroys its data behind that. The
  /// node ends with 0.
  bool leave(std::uint32_t node, Duration patience = std::chrono::seconds(30));
  /// Somebody asked to remove it since it last joined.
  bool removal_asked(std::uint32_t node) const;
  /// Kills it and destroys its data.
  void wipe(std::uint32_t node);
  /// Until all nodes, and nobody else, are voters.
  Status wait_all_voters(Duration patience);

  /// SIGKILL; nothing when it does not run.
  void kill(std::uint32_t node);
  /// SIGTERM; kills it when that takes longer than `patience`. How it ended, if it ran.
  std::optional<Ending> stop(std::uint32_t node, Duration patience = std::chrono::seconds(15));
  void pause(std::uint32_t node);
  void resume(std::uint32_t node);

  /// Its process exists; it may be paused.
  bool running(std::uint32_t node);
  bool paused(std::uint32_t node) const;
  /// How it ended when it was not running the last time it was looked at.
  std::optional<Ending> ending(std::uint32_t node) const;

  /// What it says of itself; none when it does not say so in time.
  std::optional<NodeStatus> status(std::uint32_t node, Duration patience = Duration(2000));
  /// Who says that it leads in the newest term; 0 for nobody.
  std::uint32_t leader(Duration patience = Duration(2000));

  /// Runs `ticketd` with these arguments on the clients' host. Its output, and how it ended; none
  /// when it was killed since it took longer than `patience`.
  struct CommandResult {
    std::string output;
    std::optional<Ending> ending;
  };
  Result<CommandResult> command(const std::vector<std::string>& arguments, Duration patience);

  /// Until all nodes run, have applied the same and have one digest. The error says what they have.
  Status wait_equal(Duration patience);

 private:
  struct Node {
    std::string address;
    std::uint16_t raft_port = 0, http_port = 0, redis_port = 0;
    std::unique_ptr<NodeShim> shim;
    std::optional<Process> process;
    std::optional<Ending> ending;
    bool paused = false;
    bool removal_asked = false;
    /// The command by which it joined, while it is not known to be a voter.
    std::vector<std::string> joining;
  };

  Node& node(std::uint32_t number);
  const Node& node(std::uint32_t number) const;
  Status run(std::uint32_t number, std::vector<std::string> arguments);
  /// Also fine when it has one.
  Status make_shim(std::uint32_t number);
  /// Until the leader knows so many members, all of them voters.
  bool wait_voters(std::uint32_t count, Clock::time_point deadline);

  ClusterOptions options_;
  const Network* network_;
  std::vector<Node> nodes_;
};

}  // namespace ticketd::jepsen
