// How often which value came, in constant space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ticketd::load {

/// Counts values of any size in buckets that grow with them: each power of two is split into
/// kSteps equal buckets, so that a bucket is at most 1/kSteps as wide as the values in it. Values
/// below 2 * kSteps have buckets of their own. (As HdrHistogram lays them out.)
class Histogram {
 public:
  static constexpr unsigned kStepBits = 7;
  /// What is told of a value is never below it, and above it by less than a part in kSteps.
  static constexpr std::uint64_t kSteps = 1 << kStepBits;

  /// Values up to and including `highest` came `count` times; those below the bucket not counted.
  struct Bucket {
    std::uint64_t highest = 0;
    std::uint64_t count = 0;
  };

  Histogram();

  void record(std::uint64_t value);
  void clear();

  std::uint64_t count() const { return count_; }
  /// Exact. 0 when there is no value.
  std::uint64_t max() const { return max_; }
  /// Exact but for the rounding of a double. 0 when there is no value.
  double mean() const;
  /// The smallest value that at least this part of all values does not exceed, rounded up to its
  /// bucket's end. 0 <= part <= 1. 0 when there is no value.
  std::uint64_t at(double part) const;
  /// Those that hold values, in ascending order.
  std::vector<Bucket> buckets() const;

 private:
  static std::size_t place(std::uint64_t value);
  static std::uint64_t highest_at(std::size_t place);

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;  // the sum of counts_
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace ticketd::load
