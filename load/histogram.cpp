#include "load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace ticketd::load {

Histogram::Histogram() : counts_(place(std::numeric_limits<std::uint64_t>::max()) + 1) {}

std::size_t Histogram::place(std::uint64_t value) {
  if (value < kSteps) {
    return value;
  }
  // The leading one bit says which power of two, the kStepBits bits behind it which step there.
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kStepBits;
  return (shift + 1) * kSteps + ((value >> shift) - kSteps);
}

std::uint64_t Histogram::highest_at(std::size_t place) {
  if (place < kSteps) {
    return place;
  }
  const std::uint64_t shift = place / kSteps - 1;
  const std::uint64_t lowest = (kSteps + place % kSteps) << shift;
  return lowest + ((std::uint64_t{1} << shift) - 1);
}

void Histogram::record(std::uint64_t value) {
  ++counts_[place(value)];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::clear() {
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = 0;
  max_ = 0;
  sum_ = 0;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::at(double part) const {
  ENSURE(0 <= part && part <= 1);
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) {
      return std::min(highest_at(i), max_);
    }
  }
  return max_;
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> found;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] != 0) {
      found.push_back({highest_at(i), counts_[i]});
    }
  }
  return found;
}

}  // namespace ticketd::load
