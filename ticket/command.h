// What stands in the log for the ticket machine: a type byte, a version byte, then fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ticketd::ticket {

/// The largest batch one request may take.
inline constexpr std::uint64_t kMaxCount = 1'000'000;
/// Names are 1 to 255 bytes; the empty name is the unnamed sequence of `POST /`.
inline constexpr std::size_t kMaxNameBytes = 255;
/// The most requests (counts of all steps) one entry may carry: a leader cuts longer queues.
inline constexpr std::size_t kMaxRequestsPerBatch = 65'536;
/// What this build can apply. A leader proposes a command type only when every member has announced
/// that it can apply it.
inline constexpr std::uint32_t kCommandVersion = 1;

/// Requests for one sequence that wait together are one Step. Their answers are those of applying
/// them one by one: counts[i] numbers for the i-th request, or none of them when it would overflow.
/// At least one count, each from 1 to kMaxCount.
struct Step {
  std::string sequence;
  std::vector<std::uint64_t> counts;

  bool operator==(const Step&) const = default;
};

/// Takes numbers. `stamp_us` is replicated time (microseconds since the cluster began), written by
/// the leader. At least one step; a sequence may have several.
struct TakeBatch {
  std::uint64_t stamp_us = 0;
  std::vector<Step> steps;

  bool operator==(const TakeBatch&) const = default;
};

using Command = std::variant<TakeBatch>;

/// Layout (varints as in base/bytes.h):
///   u8 type (1 = TakeBatch), u8 version (1), varint stamp_us, varint number of steps, then for
///   each step: varint name length, name, varint number of counts, varint counts...
/// Requires every limit above to be kept: a leader never writes what others would refuse.
std::string encode(const Command& command);
/// The reverse, and only of what encode() can write: limits, lengths and the end are checked. An
/// unknown type or version is an error that names it: the node must stop before it applies what it
/// does not understand.
Result<Command> decode_command(std::string_view bytes);

}  // namespace ticketd::ticket
