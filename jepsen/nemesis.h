// What hurts a cluster.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "jepsen/cluster.h"
#include "jepsen/network.h"
#include "jepsen/workload.h"

namespace ticketd::jepsen {

/// What a nemesis can lay hands on.
struct Ground {
  Cluster& cluster;
  /// Null on the loopback.
  Network* network;
  Workload& workload;
  Random& random;
  /// Nodes whose disks fail, and how many of their calls had failed before.
  std::map<std::uint32_t, std::uint64_t> failing = {};
  /// Nodes that were stopped, and whose files were damaged then.
  std::set<std::uint32_t> rotten = {};
  /// Of the nodes.
  std::chrono::milliseconds election_timeout{500};
};

/// One kind of fault. All of them end by heal().
struct Nemesis {
  std::string_view name;
  bool needs_network;
  /// Returns what was hurt, in words.
  std::string (*hurt)(Ground& ground);
  /// Of every node (Cluster::shim).
  bool needs_shim = false;
};

const std::vector<Nemesis>& all_nemeses();
/// Null when there is none.
const Nemesis* nemesis_named(std::string_view name);

/// Every link and machine is as it should be, and every node runs and is a voter. `healed` is
/// called once, as soon as the former is so and a majority runs. A complaint is added for each node
/// that had ended by itself without a good reason, or had one and went on, and when not all become
/// voters.
Status heal(Ground& ground, std::vector<std::string>& complaints,
            const std::function<void()>& healed);

}  // namespace ticketd::jepsen
