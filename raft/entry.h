// A log entry.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "raft/types.h"

namespace ticketd::raft {

enum class EntryType : std::uint8_t {
  /// Appended by a new leader, so that it has an entry of its own term to commit (thesis 6.4).
  kNoop = 0,
  /// Bytes for the state machine.
  kCommand = 1,
  /// An encoded Configuration, in force from the moment it is appended (thesis 4.1).
  kConfiguration = 2,
};

/// Immutable bytes that the log, messages and the disk share without copying.
class Payload {
 public:
  Payload() = default;
  explicit Payload(std::string bytes)
      : bytes_(std::make_shared<const std::string>(std::move(bytes))) {}

  std::string_view view() const { return bytes_ ? std::string_view(*bytes_) : std::string_view(); }
  std::size_t size() const { return view().size(); }
  bool operator==(const Payload& other) const { return view() == other.view(); }

 private:
  std::shared_ptr<const std::string> bytes_;
};

struct Entry {
  Index index;
  Term term;
  EntryType type = EntryType::kNoop;
  Payload payload;

  bool operator==(const Entry&) const = default;
  /// What the entry counts for in every byte bound: its payload and a flat charge for the rest.
  std::size_t charge() const { return payload.size() + kFlatCharge; }

  static constexpr std::size_t kFlatCharge = 32;
};

/// Consecutive entries, lowest index first.
using Entries = std::vector<Entry>;

}  // namespace ticketd::raft
