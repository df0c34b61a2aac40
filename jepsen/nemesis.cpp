#include "jepsen/nemesis.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include "jepsen/choose.h"
#include "jepsen/machine_nemeses.h"
#include "jepsen/voter_nemesis.h"

namespace ticketd::jepsen {

namespace {

using std::chrono::milliseconds;

template <Nodes (*choose)(Ground&)>
std::string kill(Ground& ground) {
  const Nodes nodes = choose(ground);
  for (const std::uint32_t node : nodes) ground.cluster.kill(node);
  return words(nodes);
}

template <Nodes (*choose)(Ground&)>
std::string pause(Ground& ground) {
  const Nodes nodes = choose(ground);
  for (const std::uint32_t node : nodes) ground.cluster.pause(node);
  return words(nodes);
}

// --- Partitions: clients reach every node
// -----------------------------------------------------------

void cut(Ground& ground, std::uint32_t from, std::uint32_t to) {
  LinkFaults faults;
  faults.cut = true;
  ground.network->links().set_faults(from, to, faults);
}

void separate(Ground& ground, const Nodes& some, const Nodes& others) {
  for (const std::uint32_t a : some) {
    for (const std::uint32_t b : others) {
      cut(ground, a, b);
      cut(ground, b, a);
    }
  }
}

std::string partition_halves(Ground& ground) {
  const Nodes some = minority(ground), others = besides(ground, some);
  separate(ground, some, others);
  return words(some) + " | " + words(others);
}

std::string partition_leader(Ground& ground) {
  const Nodes some = leader(ground);
  separate(ground, some, besides(ground, some));
  return words(some) + " | all others";
}

/// Two halves that only one node connects.
std::string partition_bridge(Ground& ground) {
  Nodes others = in_any_order(ground);
  const std::uint32_t bridge = others.back();
  others.pop_back();
  const auto half = others.begin() + static_cast<std::ptrdiff_t>(others.size() / 2);
  const Nodes left(others.begin(), half), right(half, others.end());
  separate(ground, left, right);
  return words(left) + " | " + words(right) + ", bridge " + words({bridge});
}

/// Every node sees a majority, and no two see the same one (with five nodes and more).
std::string partition_ring(Ground& ground) {
  const Nodes ring = in_any_order(ground);
  const std::size_t size = ring.size(), reach = (size / 2 + 1) / 2;
  for (std::size_t a = 0; a < size; ++a) {
    for (std::size_t b = 0; b < size; ++b) {
      const std::size_t apart = std::min((a + size - b) % size, (b + size - a) % size);
      if (apart > reach) cut(ground, ring[a], ring[b]);
    }
  }
  return "ring of " + words(ring);
}

/// The leader is not heard, or does not hear.
std::string partition_one_way(Ground& ground) {
  const Nodes some = leader(ground);
  const bool deaf = ground.random.chance(1, 2);
  for (const std::uint32_t other : besides(ground, some)) {
    if (deaf) {
      cut(ground, other, some.front());
    } else {
      cut(ground, some.front(), other);
    }
  }
  return words(some) + (deaf ? " hears nobody" : " is heard by nobody");
}

/// The leader, or a minority, is cut off and connected in turns: elections begin, and do not end.
std::string partition_flapping(Ground& ground) {
  const Nodes some = ground.random.chance(1, 2) ? leader(ground) : minority(ground);
  LinkFaults faults;
  faults.flapping = milliseconds(ground.random.between(20, 600));
  for (const std::uint32_t a : some) {
    for (const std::uint32_t b : besides(ground, some)) {
      ground.network->links().set_faults(a, b, faults);
      ground.network->links().set_faults(b, a, faults);
    }
  }
  return words(some) + " | all others, every " + std::to_string(faults.flapping / milliseconds(1)) +
         " ms";
}

// --- Bad links, those of clients among them
// ---------------------------------------------------------

void set_everywhere(Ground& ground, const LinkFaults& faults) {
  for (std::size_t from = 0; from < ground.network->size(); ++from) {
    for (std::size_t to = 0; to < ground.network->size(); ++to) {
      if (from != to) ground.network->links().set_faults(from, to, faults);
    }
  }
}

void set_between_nodes(Ground& ground, const LinkFaults& faults) {
  for (std::uint32_t from = 1; from <= ground.cluster.size(); ++from) {
    for (std::uint32_t to = 1; to <= ground.cluster.size(); ++to) {
      if (from != to) ground.network->links().set_faults(from, to, faults);
    }
  }
}

std::string slow_links(Ground& ground) {
  LinkFaults faults;
  faults.delay = milliseconds(ground.random.between(5, 100));
  faults.jitter = milliseconds(ground.random.between(1, 50));
  set_everywhere(ground, faults);
  return std::to_string(faults.delay / milliseconds(1)) + " ms";
}

std::string lossy_links(Ground& ground) {
  LinkFaults faults;
  const std::uint64_t percent = ground.random.between(1, 20);
  faults.loss = static_cast<double>(percent) / 100;
  faults.duplication = faults.reordering = 0.05;
  set_everywhere(ground, faults);
  return std::to_string(percent) + " % lost, 5 % twice, 5 % late";
}

std::string narrow_links(Ground& ground) {
  LinkFaults faults;
  faults.bytes_per_s = ground.random.between(20'000, 500'000);
  set_everywhere(ground, faults);
  return std::to_string(faults.bytes_per_s) + " bytes/s";
}

/// Single bits, which TCP always sees: HTTP has no checksum of its own.
std::string bit_flips(Ground& ground) {
  LinkFaults faults;
  faults.corruption = 0.05;
  set_everywhere(ground, faults);
  return "5 % of the packets";
}

/// Nodes die and come back over and over, one by one or all at once, while votes are slow: several
/// ask for votes of one term, before and after the voters' restart.
std::string restarts(Ground& ground) {
  const bool all = ground.random.chance(2, 3);
  const std::uint64_t rounds = all ? ground.random.between(6, 12) : ground.random.between(10, 30);
  LinkFaults slow;
  slow.delay = milliseconds(ground.random.between(0, 150));
  slow.jitter = milliseconds(ground.random.between(0, 100));
  if (ground.network) set_between_nodes(ground, slow);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const Nodes nodes = all ? in_any_order(ground) : one(ground);
    // A restart would hide how a node ended by itself.
    if (!all_run(ground)) return "nodes, until one ended by itself";
    for (const std::uint32_t node : nodes) ground.cluster.kill(node);
    for (const std::uint32_t node : nodes) {
      // Healing meets the same error, and tells it.
      if (!ground.cluster.start(node).ok()) return "a node that does not start";
    }
    std::this_thread::sleep_for(
        milliseconds(all ? ground.random.between(250, 900) : ground.random.between(5, 200)));
  }
  return std::to_string(rounds) + (all ? " restarts of all, " : " restarts of one, ") +
         std::to_string(slow.delay / milliseconds(1)) + " ms";
}

// --- Others
// -----------------------------------------------------------------------------------------

std::string cut_clients(Ground& ground) {
  ground.workload.cut(0.5);
  return "half of the clients";
}

std::string transfer(Ground& ground) {
  const Nodes from = leader(ground);
  Nodes to = besides(ground, from);
  if (to.empty()) to = from;
  static_cast<void>(ground.cluster.command({"transfer", std::to_string(to.front()), "--peer",
                                            to_string(ground.cluster.peer(from.front()))},
                                           milliseconds(2000)));
  return words(from) + " to " + words({to.front()});
}

/// Its disk is lost: it comes back under its id, and is another member.
template <Nodes (*choose)(Ground&)>
std::string replace(Ground& ground) {
  const std::uint32_t node = choose(ground).front();
  const Nodes others = besides(ground, {node});
  if (others.empty()) return "nobody, since there is no other node";
  ground.cluster.wipe(node);
  const Status joined = ground.cluster.join(node, others.front(), {"--replace"});
  return words({node}) + (joined.ok() ? "" : ": " + joined.error().message);
}

/// As `remove`, but the node goes by itself, and its data with it.
std::string leave(Ground& ground) {
  const std::uint32_t node = one(ground).front();
  if (ground.cluster.size() == 1) return "nobody, since there is no other node";
  const bool left = ground.cluster.leave(node);
  return words({node}) + (left ? "" : ", not confirmed");
}

template <Nodes (*choose)(Ground&)>
std::string remove(Ground& ground) {
  const std::uint32_t node = choose(ground).front();
  if (ground.cluster.size() == 1) return "nobody, since there is no other node";
  const bool removed = ground.cluster.remove(node);
  return words({node}) + (removed ? "" : ", not confirmed");
}

std::vector<Nemesis> with_machine_nemeses(std::vector<Nemesis> nemeses) {
  nemeses.insert(nemeses.end(), machine_nemeses().begin(), machine_nemeses().end());
  return nemeses;
}

/// A node that was to be removed begins anew, unless it is a member still.
Status rejoin(Ground& ground, std::uint32_t node) {
  constexpr milliseconds kToHear(5000);
  Cluster& cluster = ground.cluster;
  const auto deadline = Cluster::Clock::now() + kToHear;
  while (cluster.running(node) && Cluster::Clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  const auto ending = cluster.ending(node);
  if (ending != Cluster::kRemoved && ending != Ending{}) return {};
  cluster.wipe(node);
  return cluster.join(node, besides(ground, {node}).front());
}

/// Empty when there is none: the harness killed it.
std::string complaint_of_ending(Ground& ground, std::uint32_t node) {
  const Ending ending = ground.cluster.ending(node).value_or(Ending{});
  if (ending == Ending{0, SIGKILL}) return "";
  return "node " + std::to_string(node) + " ended by itself, " + describe(ending) + "; see " +
         ground.cluster.log(node).string();
}

Status rejoin_removed(Ground& ground) {
  for (std::uint32_t node = 1; node <= ground.cluster.size(); ++node) {
    if (!ground.cluster.removal_asked(node)) continue;
    if (Status rejoined = rejoin(ground, node); !rejoined.ok()) return rejoined;
  }
  return {};
}

/// But for those that need more than that.
bool plain(const Ground& ground, std::uint32_t node) {
  return !ground.cluster.removal_asked(node) && !ground.rotten.contains(node) &&
         !ground.failing.contains(node);
}

template <class Which>
Status start_ended(Ground& ground, std::vector<std::string>& complaints, Which which) {
  for (std::uint32_t node = 1; node <= ground.cluster.size(); ++node) {
    if (!which(node) || ground.cluster.running(node)) continue;
    if (auto complaint = complaint_of_ending(ground, node); !complaint.empty()) {
      complaints.push_back(std::move(complaint));
    }
    if (Status done = ground.cluster.start(node); !done.ok()) return done;
  }
  return {};
}

bool majority_runs(Ground& ground) {
  std::uint32_t running = 0;
  for (std::uint32_t node = 1; node <= ground.cluster.size(); ++node) {
    running += plain(ground, node) && ground.cluster.running(node) ? 1U : 0U;
  }
  return running > ground.cluster.size() / 2;
}

}  // namespace

const std::vector<Nemesis>& all_nemeses() {
  static const std::vector<Nemesis> nemeses = with_machine_nemeses({
      {"kill", false, kill<one>},
      {"kill-leader", false, kill<leader>},
      {"kill-minority", false, kill<minority>},
      {"kill-all", false, kill<in_any_order>},
      {"restarts", false, restarts},
      {"kill-voter", true, kill_voter, true},
      {"pause", false, pause<one>},
      {"pause-leader", false, pause<leader>},
      {"pause-minority", false, pause<minority>},
      {"pause-all", false, pause<in_any_order>},
      {"transfer", false, transfer},
      {"cut-clients", false, cut_clients},
      {"replace", false, replace<one>},
      {"replace-leader", false, replace<leader>},
      {"remove", false, remove<one>},
      {"remove-leader", false, remove<leader>},
      {"leave", false, leave},
      {"partition", true, partition_halves},
      {"partition-leader", true, partition_leader},
      {"partition-bridge", true, partition_bridge},
      {"partition-ring", true, partition_ring},
      {"partition-one-way", true, partition_one_way},
      {"partition-flapping", true, partition_flapping},
      {"slow-links", true, slow_links},
      {"lossy-links", true, lossy_links},
      {"narrow-links", true, narrow_links},
      {"bit-flips", true, bit_flips},
  });
  return nemeses;
}

const Nemesis* nemesis_named(std::string_view name) {
  const auto found = std::ranges::find(all_nemeses(), name, &Nemesis::name);
  return found == all_nemeses().end() ? nullptr : &*found;
}

Status heal(Ground& ground, std::vector<std::string>& complaints,
            const std::function<void()>& healed) {
  constexpr std::chrono::seconds kToJoin(30);
  Cluster& cluster = ground.cluster;
  if (ground.network) ground.network->heal();
  heal_machines(ground);
  for (std::uint32_t node = 1; node <= cluster.size(); ++node) cluster.resume(node);
  const auto is_plain = [&](std::uint32_t node) { return plain(ground, node); };
  if (Status started = start_ended(ground, complaints, is_plain); !started.ok()) return started;
  bool told = false;
  const auto tell_if = [&](bool majority) {
    if (majority && !std::exchange(told, true)) healed();
  };
  tell_if(majority_runs(ground));
  if (Status ended = recover_failing(ground, complaints); !ended.ok()) return ended;
  if (Status joined = rejoin_removed(ground); !joined.ok()) return joined;
  const auto sound = [&](std::uint32_t node) { return !ground.rotten.contains(node); };
  if (Status started = start_ended(ground, complaints, sound); !started.ok()) return started;
  tell_if(majority_runs(ground));
  if (Status recovered = recover_rotten(ground, complaints); !recovered.ok()) return recovered;
  tell_if(true);
  // The next fault may want a majority of its own.
  if (Status all = cluster.wait_all_voters(kToJoin); !all.ok()) {
    complaints.push_back(all.error().message);
  }
  return {};
}

}  // namespace ticketd::jepsen
