#include "jepsen/voter_nemesis.h"

#include <cstddef>
#include <thread>

#include "jepsen/choose.h"
#include "jepsen/peer_frames.h"

namespace ticketd::jepsen {

namespace {

using std::chrono::milliseconds;

struct Halves {
  std::uint32_t voter;
  /// The disks of those who are late hang.
  Nodes early, late;
};

/// The leader stands between the others: who led is the one that no half follows any more.
Halves halves(Ground& ground) {
  Halves result;
  const Nodes between = leader(ground);
  result.voter = between.front();
  for (const std::uint32_t node : besides(ground, between)) {
    (result.early.size() <= result.late.size() ? result.early : result.late).push_back(node);
  }
  return result;
}

LinkFaults cut() {
  LinkFaults faults;
  faults.cut = true;
  return faults;
}

void set_links(Ground& ground, const Nodes& some, std::uint32_t to, const LinkFaults& faults) {
  for (const std::uint32_t node : some) ground.network->links().set_faults(node, to, faults);
}

/// The halves see each other no more, and what the early ones say takes long to the voter: the
/// others can begin to ask meanwhile.
void separate(Ground& ground, const Halves& parts) {
  for (const std::uint32_t node : parts.late) set_links(ground, parts.early, node, cut());
  for (const std::uint32_t node : parts.early) set_links(ground, parts.late, node, cut());
  LinkFaults far;
  const auto timeout_ms = static_cast<std::uint64_t>(ground.election_timeout.count());
  far.delay = milliseconds(ground.random.between(timeout_ms / 10, timeout_ms / 5));
  set_links(ground, parts.early, parts.voter, far);
}

/// The leader has nothing then that others lack, for which it would refuse them its vote.
void let_followers_catch_up(Ground& ground, std::uint32_t leader) {
  ground.network->links().set_faults(Cluster::kClientHost, leader, cut());
  std::this_thread::sleep_for(ground.election_timeout * 3 / 10);
  ground.network->links().set_faults(Cluster::kClientHost, leader, {});
}

/// False when it does not start, or ended by itself. Healing meets the same, and tells it.
bool restart(Ground& ground, std::uint32_t node) {
  if (!ground.cluster.running(node)) return false;
  ground.cluster.kill(node);
  return ground.cluster.start(node).ok();
}

/// Between a vote that the early ones got, and the voter's next words to them.
void have_late_ones_ask(Ground& ground, const Halves& parts) {
  Router& links = ground.network->links();
  if (!restart(ground, parts.voter)) return;
  // Those who are late greet it first: others need three times as long as their link takes.
  links.wait_for_packet(parts.voter, welcomes, ground.election_timeout);
  std::this_thread::sleep_for(ground.election_timeout / 40);
  for (const std::uint32_t node : parts.late) ground.cluster.shim(node)->heal();
  // A second vote is what must not be. In time for the first half's leader, who gives up its office
  // when it does not hear from a majority.
  links.wait_for_packet(parts.voter, gives_vote, ground.election_timeout / 3);
  set_links(ground, parts.early, parts.voter, {});
}

/// One election. Whether the voter voted.
bool split_vote(Ground& ground) {
  const Halves parts = halves(ground);
  let_followers_catch_up(ground, parts.voter);
  for (const std::uint32_t node : parts.late) ground.cluster.shim(node)->hang();
  separate(ground, parts);
  if (!restart(ground, parts.voter)) return false;
  const bool voted =
      ground.network->links().wait_for_packet(parts.voter, gives_vote, ground.election_timeout * 3);
  if (voted) have_late_ones_ask(ground, parts);
  std::this_thread::sleep_for(ground.election_timeout);
  return voted;
}

}  // namespace

std::string kill_voter(Ground& ground) {
  if (ground.cluster.size() == 1) return "nobody, since there is no other node";
  const std::uint64_t rounds = ground.random.between(2, 4);
  std::uint64_t voted = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    // A restart would hide how a node ended by itself.
    if (!all_run(ground)) break;
    if (round > 0) {
      ground.network->heal();
      for (const std::uint32_t node : in_any_order(ground)) ground.cluster.shim(node)->heal();
      std::this_thread::sleep_for(ground.election_timeout * 2);
    }
    voted += split_vote(ground) ? 1U : 0U;
  }
  return "after its vote, in " + std::to_string(voted) + " of " + std::to_string(rounds) +
         " elections";
}

}  // namespace ticketd::jepsen
