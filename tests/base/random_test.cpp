#include "base/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <vector>

namespace ticketd {
namespace {

TEST_CASE("a seed always gives the same numbers") {
  // What every xoshiro256** gives whose state splitmix64 filled from 0.
  Random random(0);
  CHECK(random.next() == 0x99ec5f36cb75f2b4);
  CHECK(random.next() == 0xbf6e1f784956452a);
  CHECK(random.next() == 0x1a5f849d4933e6e0);

  Random again(0);
  CHECK(again.next() == 0x99ec5f36cb75f2b4);
  Random other(1);
  CHECK(other.next() != 0x99ec5f36cb75f2b4);
}

TEST_CASE("below gives each number about as often, and nothing else") {
  Random random(42);
  std::array<int, 7> times{};
  for (int i = 0; i < 70'000; ++i) {
    times.at(random.below(times.size())) += 1;
  }
  for (const int count : times) {
    CHECK(count > 9'500);
    CHECK(count < 10'500);
  }
}

TEST_CASE("below is unbiased where a plain remainder would give one half twice as often") {
  Random random(43);
  const std::uint64_t half = std::uint64_t{1} << 62;
  int lower = 0;
  for (int i = 0; i < 30'000; ++i) {
    lower += random.below(3 * half) < half ? 1 : 0;
  }
  CHECK(lower > 9'500);
  CHECK(lower < 10'500);
}

TEST_CASE("between includes both ends, up to the whole range") {
  Random random(44);
  std::map<std::uint64_t, int> seen;
  for (int i = 0; i < 1'000; ++i) {
    seen[random.between(5, 7)] += 1;
  }
  CHECK(seen.size() == 3);
  CHECK(seen.begin()->first == 5);
  CHECK(seen.rbegin()->first == 7);
  CHECK(random.between(9, 9) == 9);
  CHECK(random.between(0, ~std::uint64_t{0}) != random.between(0, ~std::uint64_t{0}));
}

TEST_CASE("chance is never at zero, always at one, and about as often as asked between") {
  Random random(45);
  int often = 0;
  for (int i = 0; i < 10'000; ++i) {
    CHECK_FALSE(random.chance(0, 10));
    CHECK(random.chance(10, 10));
    often += random.chance(3, 10) ? 1 : 0;
  }
  CHECK(often > 2'800);
  CHECK(often < 3'200);
}

TEST_CASE("shuffle keeps the elements and gives every order about as often") {
  Random random(46);
  std::map<std::vector<int>, int> orders;
  for (int i = 0; i < 6'000; ++i) {
    std::vector<int> elements{1, 2, 3};
    random.shuffle(elements);
    orders[elements] += 1;
  }
  CHECK(orders.size() == 6);
  for (const auto& [order, count] : orders) {
    CHECK(std::is_permutation(order.begin(), order.end(), std::vector<int>{1, 2, 3}.begin()));
    CHECK(count > 850);
    CHECK(count < 1'150);
  }
  std::vector<int> empty;
  random.shuffle(empty);
  CHECK(empty.empty());
}

}  // namespace
}  // namespace ticketd
