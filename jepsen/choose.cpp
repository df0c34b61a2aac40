#include "jepsen/choose.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>

namespace ticketd::jepsen {

Nodes in_any_order(Ground& ground) {
  Nodes nodes(ground.cluster.size());
  std::iota(nodes.begin(), nodes.end(), 1U);
  ground.random.shuffle(nodes);
  return nodes;
}

Nodes minority(Ground& ground) {
  Nodes nodes = in_any_order(ground);
  nodes.resize(std::max<std::size_t>(1, (nodes.size() - 1) / 2));
  return nodes;
}

Nodes one(Ground& ground) { return {in_any_order(ground).front()}; }

Nodes leader(Ground& ground) {
  const std::uint32_t found = ground.cluster.leader(std::chrono::milliseconds(500));
  return found != 0 ? Nodes{found} : one(ground);
}

bool all_run(Ground& ground) {
  return std::ranges::all_of(in_any_order(ground),
                             [&](std::uint32_t node) { return ground.cluster.running(node); });
}

std::string words(const Nodes& nodes) {
  std::string text;
  for (const std::uint32_t node : nodes) {
    text += (text.empty() ? "node " : ", node ") + std::to_string(node);
  }
  return text;
}

Nodes besides(Ground& ground, const Nodes& some) {
  Nodes others = in_any_order(ground);
  std::erase_if(others,
                [&](std::uint32_t node) { return std::ranges::find(some, node) != some.end(); });
  return others;
}

Nodes some(Ground& ground) {
  Nodes nodes = in_any_order(ground);
  nodes.resize(static_cast<std::size_t>(ground.random.between(1, nodes.size())));
  return nodes;
}

}  // namespace ticketd::jepsen
