#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <vector>

#include "raft/quorum.h"
#include "raft/types.h"

namespace ticketd::raft {
namespace {

Index reached(std::vector<std::uint64_t> values) {
  std::vector<Index> indices;
  for (const std::uint64_t value : values) {
    indices.emplace_back(value);
  }
  return majority_reached(std::span<Index>(indices));
}

TEST_CASE("a majority of 1, 2, 3, 4 and 5 is 1, 2, 2, 3 and 3") {
  CHECK(reached({7}) == Index(7));
  CHECK(reached({7, 5}) == Index(5));
  CHECK(reached({7, 5, 3}) == Index(5));
  CHECK(reached({7, 5, 3, 1}) == Index(3));
  CHECK(reached({7, 5, 3, 1, 0}) == Index(3));
  CHECK(reached({}) == Index(0));
}

TEST_CASE("the value reached is the greatest that more than half have reached") {
  CHECK(rc::check([](const std::vector<std::uint8_t>& small) {
    RC_PRE(!small.empty());
    const std::vector<std::uint64_t> values(small.begin(), small.end());
    // The slow way: try every value.
    std::uint64_t greatest = 0;
    for (const std::uint64_t candidate : values) {
      std::size_t holders = 0;
      for (const std::uint64_t value : values) {
        holders += value >= candidate ? 1U : 0U;
      }
      if (2 * holders > values.size() && candidate > greatest) {
        greatest = candidate;
      }
    }
    RC_ASSERT(reached(values) == Index(greatest));
  }));
}

}  // namespace
}  // namespace ticketd::raft
