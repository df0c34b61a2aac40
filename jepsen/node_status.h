// What a node says of itself: `ticketd status -o json`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ticketd::jepsen {

struct MemberStatus {
  std::uint64_t id = 0;
  std::uint64_t incarnation = 0;
  bool voter = false;
};

struct NodeStatus {
  std::uint64_t id = 0;
  bool leads = false;
  std::uint64_t term = 0;
  /// As far as it knows; 0 when it knows none.
  std::uint64_t leader = 0;
  std::uint64_t applied_index = 0;
  /// Of the state at applied_index.
  std::string digest;
  /// As it knows them.
  std::vector<MemberStatus> members;
};

/// None when that is no status.
std::optional<NodeStatus> parse_status(std::string_view json);

}  // namespace ticketd::jepsen
