// What waits on one connection, in its order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"

namespace ticketd::serve {

/// Room that an element's text may keep for the next one in its place.
inline constexpr std::size_t kTextKept = 128;

/// A queue whose elements are found by their places: numbers that grow by one. A ring, so that a
/// connection in its stride allocates nothing. What is taken out is left as it was, for the next
/// one at its slot to be put over. It stays as long as it once was, until give_back().
template <class Slot>
class Ring {
 public:
  /// Returns the place; what stands there is of an earlier time.
  std::uint64_t push() {
    if (count_ == slots_.size()) {
      grow();
    }
    ++count_;
    return first_ + count_ - 1;
  }
  Slot& at(std::uint64_t place) {
    ENSURE_LT(place - first_, count_);
    return slots_[place & (slots_.size() - 1)];
  }
  Slot& front() { return at(first_); }
  Slot& back() { return at(first_ + count_ - 1); }
  void pop() {
    ENSURE_GT(count_, 0);
    ++first_;
    --count_;
  }
  /// Keeps the memory of a few elements, if nothing is in it.
  void give_back() {
    if (count_ == 0 && slots_.size() > kSizeKept) {
      slots_ = std::vector<Slot>();  // `{}` would clear it, and keep the memory
    }
  }
  /// The place after the last one.
  std::uint64_t end() const { return first_ + count_; }
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }

 private:
  static constexpr std::size_t kFirstSize = 4;
  static constexpr std::size_t kSizeKept = 16;

  void grow() {
    std::vector<Slot> larger(slots_.empty() ? kFirstSize : 2 * slots_.size());
    for (std::uint64_t place = first_; place < first_ + count_; ++place) {
      larger[place & (larger.size() - 1)] = std::move(at(place));
    }
    slots_ = std::move(larger);
  }

  /// The size is a power of two; a place's slot is at its number modulo the size.
  std::vector<Slot> slots_;
  std::uint64_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace ticketd::serve
