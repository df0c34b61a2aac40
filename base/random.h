#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/check.h"

namespace ticketd {

/// A seeded generator whose numbers are the same on every machine and with every standard library:
/// xoshiro256** (Blackman and Vigna, 2018), its state filled by splitmix64. Not for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }

  /// Any of the 2^64 numbers.
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// A number in [0, limit), each as likely as any other. Requires limit > 0.
  std::uint64_t below(std::uint64_t limit) {
    ENSURE_GT(limit, 0);
    // The 2^64 numbers do not share out evenly: the first (2^64 mod limit) of them are one round
    // too many and are thrown away.
    const std::uint64_t uneven = (std::uint64_t{0} - limit) % limit;
    std::uint64_t number = next();
    while (number < uneven) {
      number = next();
    }
    return number % limit;
  }

  /// A number in [low, high]. Requires low <= high.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    ENSURE_LE(low, high);
    const std::uint64_t width = high - low;
    return width == std::numeric_limits<std::uint64_t>::max() ? next() : low + below(width + 1);
  }

  /// True `numerator` times in `denominator`. Requires numerator <= denominator, denominator > 0.
  bool chance(std::uint64_t numerator, std::uint64_t denominator) {
    ENSURE_LE(numerator, denominator);
    return below(denominator) < numerator;
  }

  /// Puts the elements of a random-access range in any order, each as likely as any other.
  template <class Range>
  void shuffle(Range& range) {
    for (std::size_t left = std::size(range); left > 1; --left) {
      using std::swap;
      swap(range[left - 1], range[static_cast<std::size_t>(below(left))]);
    }
  }

 private:
  std::uint64_t state_[4];
};

}  // namespace ticketd
