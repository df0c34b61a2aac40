// The one piece of arithmetic on which commit, check-quorum and read rounds rest.
#pragma once

#include <algorithm>
#include <functional>
#include <span>

namespace ticketd::raft {

/// The greatest value that a majority of voters has reached, given what each voter has reached (the
/// order of `values` is changed). A default value when there is no voter, which no-one can reach.
///
/// With match indices this is what is stored on a majority (Raft 5.3), with moments when a majority
/// was last heard, with round numbers the newest round a majority has answered.
template <class Value>
Value majority_reached(std::span<Value> values) {
  if (values.empty()) {
    return Value{};
  }
  // Sorted downwards, the value at place size/2 is held by size/2 + 1 voters: a majority.
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end(), std::greater<>());
  return *middle;
}

}  // namespace ticketd::raft
