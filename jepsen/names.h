// Texts as small numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ticketd::jepsen {

/// Gives each distinct text a number, 0, 1, 2, ... in the order in which they come. A history holds
/// millions of operations, and few of them have a text of their own.
class Names {
 public:
  Names();

  /// The text's number, a new one if it was not seen before. Requires fewer than 2^32 - 1 texts.
  std::uint32_t intern(std::string_view text);

  /// Valid until the next intern(). Requires id < size().
  std::string_view text(std::uint32_t id) const;

  std::uint32_t size() const { return static_cast<std::uint32_t>(ends_.size() - 1); }

 private:
  /// `id_plus_one` 0 is an empty slot. The hash saves most comparisons, each a cache miss.
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t id_plus_one = 0;
  };

  void grow();

  std::string texts_;  // one behind the other
  std::vector<std::uint64_t> ends_;
  std::vector<Slot> slots_;  // a power of two, at most half of them used
};

}  // namespace ticketd::jepsen
