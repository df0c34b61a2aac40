#include "jepsen/state_set.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/hash.h"

namespace ticketd::jepsen {

namespace {

std::uint64_t hash(std::span<const std::uint64_t> words) {
  return hash64({reinterpret_cast<const char*>(words.data()), words.size_bytes()});
}

}  // namespace

bool StateSet::insert(std::span<const std::uint64_t> state) {
  const std::size_t found = place(state);
  if (slots_[found] != 0) return false;
  slots_[found] = words_.size() + 1;
  words_.push_back(state.size());
  words_.insert(words_.end(), state.begin(), state.end());
  if (++size_ * 2 > slots_.size()) grow();
  return true;
}

std::size_t StateSet::place(std::span<const std::uint64_t> state) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at_slot = hash(state) & mask;
  while (slots_[at_slot] != 0 && !std::ranges::equal(at(slots_[at_slot] - 1), state)) {
    at_slot = (at_slot + 1) & mask;
  }
  return at_slot;
}

std::span<const std::uint64_t> StateSet::at(std::uint64_t offset) const {
  return std::span(words_).subspan(offset + 1, words_[offset]);
}

void StateSet::grow() {
  const auto old = std::exchange(slots_, std::vector<std::uint64_t>(slots_.size() * 2));
  for (const std::uint64_t offset_plus_one : old) {
    if (offset_plus_one != 0) slots_[place(at(offset_plus_one - 1))] = offset_plus_one;
  }
}

}  // namespace ticketd::jepsen
