// The one piece of arithmetic on which commit, check-quorum and read rounds rest.
#pragma once

#include <cstddef>
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
  // By insertion: there are a few voters, and this is asked with every event.
  for (std::size_t i = 1; i < values.size(); ++i) {
    const Value value = values[i];
    std::size_t place = i;
    for (; place > 0 && values[place - 1] < value; --place) {
      values[place] = values[place - 1];
    }
    values[place] = value;
  }
  // Sorted downwards, the value at place size/2 is held by size/2 + 1 voters: a majority.
  return values[values.size() / 2];
}

}  // namespace ticketd::raft
