// Shapes in which a network comes apart, as the paths that are cut.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"

namespace ticketd::sim {

/// Nothing goes from one to the other.
struct Cut {
  std::uint32_t from = 0, to = 0;
};
using Cuts = std::vector<Cut>;

/// Nobody of `left` reaches anybody of `right`; nor the other way, unless `one_way`.
Cuts apart(const std::vector<std::uint32_t>& left, const std::vector<std::uint32_t>& right,
           bool one_way);

/// Each of them reaches just as many as make a majority with it, and neighbours not the same ones.
/// Of 3, 7, 11 ... one reaches one more, since so many ends of links do not pair up: of 3 that is
/// the bridge. Nothing is cut of fewer than 3.
Cuts ring(const std::vector<std::uint32_t>& nodes);

/// Any of the shapes, of at least two nodes, the first of which is where it should hurt: alone, one
/// way or both; a part and the rest, one way or both, or with one in between who reaches both; a
/// ring. Never nothing.
Cuts draw_partition(Random& random, std::vector<std::uint32_t> nodes);

}  // namespace ticketd::sim
