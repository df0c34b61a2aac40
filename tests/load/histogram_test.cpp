#include "load/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"

namespace ticketd::load {
namespace {

/// The slow twin: keeps every value.
struct Sorted {
  std::vector<std::uint64_t> values;

  std::uint64_t at(double part) {
    std::sort(values.begin(), values.end());
    const double rank = std::ceil(part * static_cast<double>(values.size()));
    return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
  }
};

TEST_CASE("an empty histogram tells zeros") {
  const Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.mean() == 0);
  CHECK(histogram.at(0.5) == 0);
  CHECK(histogram.buckets().empty());
}

TEST_CASE("small values are told exactly") {
  for (std::uint64_t value = 0; value < 2 * Histogram::kSteps; ++value) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(std::numeric_limits<std::uint64_t>::max());
    CHECK(histogram.at(0.5) == value);
  }
}

TEST_CASE("the largest values there are have a place") {
  Histogram histogram;
  for (std::uint64_t value = std::numeric_limits<std::uint64_t>::max(); value != 0; value >>= 1) {
    histogram.record(value);
  }
  CHECK(histogram.count() == 64);
  CHECK(histogram.max() == std::numeric_limits<std::uint64_t>::max());
  CHECK(histogram.at(1) == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("quantiles are those of the values, rounded up by less than a step") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Histogram histogram;
    Sorted twin;
    const auto bits = static_cast<unsigned>(random.between(1, 63));
    for (std::uint64_t i = random.between(1, 3000); i > 0; --i) {
      const std::uint64_t value = random.next() >> random.between(63 - bits, 63);
      histogram.record(value);
      twin.values.push_back(value);
    }
    for (const double part : {0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      CAPTURE(part);
      const std::uint64_t exact = twin.at(part);
      CHECK(histogram.at(part) >= exact);
      CHECK(histogram.at(part) - exact <= exact / Histogram::kSteps);
    }
    CHECK(histogram.max() == twin.at(1));
  }
}

TEST_CASE("the buckets hold every value once, in order") {
  Random random(7);
  Histogram histogram;
  for (int i = 0; i < 10'000; ++i) {
    histogram.record(random.next() >> random.below(64));
  }
  std::uint64_t sum = 0;
  std::uint64_t last = 0;
  for (const Histogram::Bucket& bucket : histogram.buckets()) {
    CHECK((sum == 0 || bucket.highest > last));
    last = bucket.highest;
    sum += bucket.count;
  }
  CHECK(sum == histogram.count());
  histogram.clear();
  CHECK(histogram.count() == 0);
  CHECK(histogram.buckets().empty());
}

TEST_CASE("the mean is that of the values, not of the buckets") {
  Histogram histogram;
  histogram.record(1'000'001);
  histogram.record(1'000'003);
  CHECK(histogram.mean() == doctest::Approx(1'000'002).epsilon(1e-12));
}

}  // namespace
}  // namespace ticketd::load
