// The states a search has been in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ticketd::jepsen {

/// A set of short lists of words, compared in full: no state is ever taken for another.
class StateSet {
 public:
  StateSet() : slots_(64) {}

  /// False when it is there already.
  bool insert(std::span<const std::uint64_t> state);

  std::size_t bytes() const { return words_.size() * 8 + slots_.size() * sizeof(std::uint64_t); }

 private:
  void grow();
  std::size_t place(std::span<const std::uint64_t> state) const;
  std::span<const std::uint64_t> at(std::uint64_t offset) const;

  /// Each list behind its length.
  std::vector<std::uint64_t> words_;
  /// Offsets in words_ plus one; a power of two of them, at most half in use.
  std::vector<std::uint64_t> slots_;
  std::size_t size_ = 0;
};

}  // namespace ticketd::jepsen
