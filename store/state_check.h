// Are these the records that a summary sums up?
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "ticket/machine.h"

namespace ticketd::store {

/// For records that nobody has vouched for: those of a database at its opening, and of a snapshot.
class StateCheck {
 public:
  /// Takes one, in any order. False: the machine never wrote such a record.
  [[nodiscard]] bool add(std::string_view key, std::string_view value);
  std::uint64_t records() const { return records_; }
  /// Are they all, and as they should be? The error says what "it" holds.
  Status matches(const ticket::Summary& summary) const;

 private:
  std::uint64_t records_ = 0;
  std::uint64_t sequences_ = 0;
  std::uint64_t digest_ = 0;
};

}  // namespace ticketd::store
