// What a checker says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ticketd::jepsen {

enum class Decision : std::uint8_t {
  kValid,
  kViolated,
  kUndecided,  ///< no better than violated: nobody knows that it is right
};

/// Something that must not be.
struct Finding {
  std::string what;
  /// Who is involved: indices of History::operations.
  std::vector<std::uint32_t> operations;
};

}  // namespace ticketd::jepsen
