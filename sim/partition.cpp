#include "sim/partition.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"

namespace ticketd::sim {

namespace {

void shuffle(Random& random, std::vector<std::uint32_t>& nodes) {
  for (std::size_t i = nodes.size(); i > 1; --i) {
    std::swap(nodes[i - 1], nodes[random.below(i)]);
  }
}

}  // namespace

Cuts apart(const std::vector<std::uint32_t>& left, const std::vector<std::uint32_t>& right,
           bool one_way) {
  Cuts cuts;
  for (const std::uint32_t a : left) {
    for (const std::uint32_t b : right) {
      cuts.push_back({a, b});
      if (!one_way) cuts.push_back({b, a});
    }
  }
  return cuts;
}

Cuts ring(const std::vector<std::uint32_t>& nodes) {
  const std::size_t count = nodes.size();
  const std::size_t half = count / 2;  // so many others and itself are a majority
  std::set<std::pair<std::size_t, std::size_t>> linked;
  const auto link = [&](std::size_t a, std::size_t b) {
    linked.emplace(a, b);
    linked.emplace(b, a);
  };
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t apart = 1; apart <= half / 2; ++apart) link(a, (a + apart) % count);
  }
  // An odd number of links: one of them goes across.
  if (half % 2 == 1) {
    for (std::size_t a = 0; a < half; ++a) link(a, a + half);
    if (count % 2 == 1) link(count - 1, half - 1);
  }
  Cuts cuts;
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b < count; ++b) {
      if (a != b && !linked.contains({a, b})) cuts.push_back({nodes[a], nodes[b]});
    }
  }
  return cuts;
}

Cuts draw_partition(Random& random, std::vector<std::uint32_t> nodes) {
  ENSURE_GE(nodes.size(), 2u);
  const std::uint64_t kind = random.below(6);
  const std::uint32_t one = nodes.front();
  shuffle(random, nodes);
  if (kind < 2) {
    nodes.erase(std::find(nodes.begin(), nodes.end(), one));
    return apart({one}, nodes, kind == 1);
  }
  if (nodes.size() > 2 && kind == 5) return ring(nodes);
  if (nodes.size() > 2 && kind == 4) nodes.pop_back();  // it reaches both sides
  const auto middle = nodes.begin() + static_cast<std::ptrdiff_t>(
                                          1 + random.below(nodes.size() - 1));
  return apart({nodes.begin(), middle}, {middle, nodes.end()}, kind == 3);
}

}  // namespace ticketd::sim
