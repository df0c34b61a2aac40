// When a node may say that it has stored something: chosen by its operator.
#pragma once

#include <cstdint>

namespace ticketd {

/// At every level a term, a vote and a configuration are flushed before they count.
enum class Durability : std::uint8_t {
  /// When it is flushed.
  kHigh = 0,
  /// When it is written; it is flushed within 200 ms.
  kMedium = 1,
  /// When it is written; the next checkpoint makes it durable.
  kLow = 2,
};

constexpr const char* to_string(Durability durability) {
  switch (durability) {
    case Durability::kHigh: return "high";
    case Durability::kMedium: return "medium";
    case Durability::kLow: return "low";
  }
  return "?";
}

}  // namespace ticketd
