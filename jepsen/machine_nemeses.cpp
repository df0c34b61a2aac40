#include "jepsen/machine_nemeses.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "jepsen/choose.h"

namespace ticketd::jepsen {

namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

// --- Disks
// ------------------------------------------------------------------------------------------

/// Much is under way then that was not synced, and whoever acknowledged it has lied.
void slow_down(Ground& ground, const Nodes& nodes) {
  const milliseconds delay(ground.random.between(20, 200));
  for (const std::uint32_t node : nodes) ground.cluster.shim(node)->slow_syncs(delay);
  std::this_thread::sleep_for(delay * 3);
}

std::string cut_power(Ground& ground, const Nodes& nodes) {
  for (const std::uint32_t node : nodes) ground.cluster.kill(node);
  std::string text = words(nodes);
  for (const std::uint32_t node : nodes) {
    const auto lost = ground.cluster.shim(node)->cut_power(ground.random);
    text += "; " + (lost.ok() ? describe(*lost) : lost.error().message);
  }
  return text;
}

/// All go at once, however many there are: what was acknowledged survives even that, and that the
/// one that led comes back last.
std::string power_cut(Ground& ground) {
  const bool all = ground.random.chance(1, 2);
  const Nodes last = leader(ground), followers = besides(ground, last);
  if (ground.random.chance(3, 4)) slow_down(ground, followers);
  if (!all) return cut_power(ground, some(ground));
  const std::string text = cut_power(ground, in_any_order(ground));
  for (const std::uint32_t node : followers) {
    ground.cluster.shim(node)->heal();
    // Healing meets the same error, and tells it.
    if (!ground.cluster.start(node).ok()) return text + "; a node does not start";
  }
  return text + "; " + words(last) + " comes back last";
}

std::string disk_full(Ground& ground) {
  const Nodes nodes = some(ground);
  for (const std::uint32_t node : nodes) ground.cluster.shim(node)->fail(shim::kGrow, ENOSPC);
  return words(nodes);
}

/// The next calls do well yet, so that the failure finds the node anywhere.
std::string fail_disk(Ground& ground, shim::Operations operations, std::int64_t failures) {
  constexpr std::uint64_t kPassesMost = 50;
  const std::uint32_t node = one(ground).front();
  NodeShim& machine = *ground.cluster.shim(node);
  const std::uint64_t passes = ground.random.below(kPassesMost);
  ground.failing[node] = machine.failed();
  machine.fail(operations, EIO, passes, failures);
  return words(Nodes{node}) + " after " + std::to_string(passes) + " calls";
}

std::string io_error(Ground& ground) { return fail_disk(ground, shim::kWrite | shim::kSync, -1); }

/// Once: the next one would do well, and make nothing of what was lost durable.
std::string fsync_error(Ground& ground) { return fail_disk(ground, shim::kSync, 1); }

std::string slow_disk(Ground& ground) {
  const Nodes nodes = some(ground);
  const milliseconds delay(ground.random.between(1, 200));
  for (const std::uint32_t node : nodes) ground.cluster.shim(node)->slow_syncs(delay);
  return words(nodes) + ", " + std::to_string(delay.count()) + " ms";
}

std::string hung_disk(Ground& ground) {
  const Nodes nodes = ground.random.chance(1, 2) ? leader(ground) : minority(ground);
  for (const std::uint32_t node : nodes) ground.cluster.shim(node)->hang();
  return words(nodes);
}

/// Turns over single bits anywhere in the file; false when there is none.
bool damage(const fs::path& path, std::uint64_t bits, Random& random) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  if (error || size == 0) return false;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  for (std::uint64_t bit = 0; bit < bits; ++bit) {
    const auto at = static_cast<std::streamoff>(random.below(size));
    file.seekg(at);
    const int held = file.get();
    file.seekp(at);
    file.put(static_cast<char>(held ^ (1 << random.below(8))));
  }
  return file.good();
}

/// Only of a node that ended in order: the last record of a journal that is needed cannot be told
/// from a torn one (docs/storage.md).
std::string bit_rot(Ground& ground) {
  Cluster& cluster = ground.cluster;
  const std::uint32_t node = one(ground).front();
  if (cluster.size() == 1) return "nobody, since there is no other node";
  if (cluster.stop(node) != Ending{}) return words(Nodes{node}) + ", which did not end in order";
  ground.rotten.insert(node);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(cluster.data(node))) files.push_back(entry);
  std::ranges::sort(files);
  // Half of the time where nearly every bit matters.
  const auto any = static_cast<std::size_t>(ground.random.below(files.size()));
  const fs::path path = ground.random.chance(1, 2) ? cluster.data(node) / "data.mdb" : files[any];
  const std::uint64_t bits = ground.random.between(1, 100);
  const bool damaged = damage(path, bits, ground.random);
  return words(Nodes{node}) + ", " + (damaged ? std::to_string(bits) : "no") + " bits of " +
         path.filename().string();
}

/// What the node says from that size of its log on.
std::string said_since(const fs::path& log, std::uint64_t size) {
  std::ifstream file(log);
  file.seekg(static_cast<std::streamoff>(size));
  return {std::istreambuf_iterator<char>(file), {}};
}

bool names_damage(const std::string& said) {
  return said.find("damage") != std::string::npos || said.find("cannot open") != std::string::npos;
}

/// Until it answers (true) or ends, or for so long (both false).
bool serves(Cluster& cluster, std::uint32_t node) {
  constexpr std::chrono::seconds kToStart(30);
  const auto deadline = Cluster::Clock::now() + kToStart;
  while (cluster.running(node) && Cluster::Clock::now() < deadline) {
    if (cluster.status(node)) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

// --- Clocks
// -----------------------------------------------------------------------------------------

/// Up or down by at most so much.
NodeShim::Nanoseconds either_way(Random& random, NodeShim::Nanoseconds most) {
  const NodeShim::Nanoseconds by(random.between(1, static_cast<std::uint64_t>(most.count())));
  return random.chance(1, 2) ? by : -by;
}

std::string clock_jump(Ground& ground) {
  const Nodes nodes = some(ground);
  for (const std::uint32_t node : nodes) {
    NodeShim& machine = *ground.cluster.shim(node);
    machine.jump_real(either_way(ground.random, std::chrono::hours(24 * 365)));
    machine.jump_monotonic(milliseconds(ground.random.between(1, 30'000)));
  }
  return words(nodes);
}

std::string clock_strobe(Ground& ground) {
  const Nodes nodes = some(ground);
  const milliseconds period(ground.random.between(1, 300));
  for (const std::uint32_t node : nodes) {
    ground.cluster.shim(node)->strobe(either_way(ground.random, std::chrono::seconds(60)), period);
  }
  return words(nodes) + ", every " + std::to_string(period.count()) + " ms";
}

std::string clock_drift(Ground& ground) {
  const Nodes nodes = some(ground);
  std::string text;
  for (const std::uint32_t node : nodes) {
    const std::uint64_t percent = ground.random.between(50, 200);
    ground.cluster.shim(node)->drift(static_cast<std::int64_t>(percent) * 10'000);
    text +=
        (text.empty() ? "" : ", ") + words(Nodes{node}) + " at " + std::to_string(percent) + " %";
  }
  return text;
}

}  // namespace

const std::vector<Nemesis>& machine_nemeses() {
  static const std::vector<Nemesis> nemeses = {
      {"power-cut", false, power_cut, true},       {"disk-full", false, disk_full, true},
      {"io-error", false, io_error, true},         {"fsync-error", false, fsync_error, true},
      {"slow-disk", false, slow_disk, true},       {"hung-disk", false, hung_disk, true},
      {"bit-rot", false, bit_rot, false},          {"clock-jump", false, clock_jump, true},
      {"clock-strobe", false, clock_strobe, true}, {"clock-drift", false, clock_drift, true},
  };
  return nemeses;
}

void heal_machines(Ground& ground) {
  for (std::uint32_t node = 1; node <= ground.cluster.size(); ++node) {
    if (NodeShim* const machine = ground.cluster.shim(node)) machine->heal();
  }
}

Status recover_failing(Ground& ground, std::vector<std::string>& complaints) {
  constexpr std::chrono::seconds kToEnd(10);
  Cluster& cluster = ground.cluster;
  for (const auto& [node, failed_before] : std::exchange(ground.failing, {})) {
    NodeShim& machine = *cluster.shim(node);
    if (machine.failed() == failed_before) continue;
    const auto deadline = Cluster::Clock::now() + kToEnd;
    while (cluster.running(node) && Cluster::Clock::now() < deadline) {
      std::this_thread::sleep_for(milliseconds(10));
    }
    if (cluster.running(node)) {
      complaints.push_back("node " + std::to_string(node) + " goes on although its disk failed");
    }
    if (cluster.running(node) || cluster.ending(node) != Cluster::kDiskFailed) continue;
    if (const auto lost = machine.cut_power(ground.random); !lost.ok()) return lost.error();
    if (Status started = cluster.start(node); !started.ok()) return started;
  }
  return {};
}

Status recover_rotten(Ground& ground, std::vector<std::string>& complaints) {
  Cluster& cluster = ground.cluster;
  for (const std::uint32_t node : std::exchange(ground.rotten, {})) {
    std::error_code none;
    const std::uint64_t said_before = fs::file_size(cluster.log(node), none);
    if (Status started = cluster.start(node); !started.ok()) return started;
    if (serves(cluster, node)) continue;
    const Ending ending = cluster.ending(node).value_or(Ending{});
    const std::string said = said_since(cluster.log(node), said_before);
    if (cluster.running(node) || ending != Cluster::kRefused || !names_damage(said)) {
      complaints.push_back("node " + std::to_string(node) + " did not refuse damaged files well, " +
                           (cluster.running(node) ? "it hangs" : describe(ending)) + "; see " +
                           cluster.log(node).string());
    }
    cluster.wipe(node);
    const std::uint32_t contact = besides(ground, {node}).front();
    if (Status joined = cluster.join(node, contact, {"--replace"}); !joined.ok()) return joined;
  }
  return {};
}

}  // namespace ticketd::jepsen
