// What stands in the log for the ticket machine: a type byte, a version byte, then fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ticketd::ticket {

/// The most numbers one request may take.
inline constexpr std::uint64_t kMaxCount = 1'000'000;
/// Names are 1 to 255 bytes; the empty name is the unnamed sequence of `POST /`.
inline constexpr std::size_t kMaxNameBytes = 255;
/// An idempotency key is 1 to 64 visible ASCII characters.
inline constexpr std::size_t kMaxKeyBytes = 64;
/// The most requests one entry may carry: a leader cuts longer queues.
inline constexpr std::size_t kMaxRequestsPerBatch = 65'536;
/// What this build can apply. A leader proposes a command only when every member has announced that
/// it can apply it.
inline constexpr std::uint32_t kCommandVersion = 3;

enum class Kind : std::uint8_t {
  /// Takes the next numbers.
  kTake = 1,
  /// Moves a sequence forward, so that a given number is the last one given.
  kAdvance = 2,
  /// Forgets a named sequence, which then begins anew. Breaks uniqueness, and is for operators who
  /// know that.
  kRemove = 3,
  /// Raises the number at which named sequences begin that are not known. Only a recovery writes
  /// it.
  kRaiseBeginning = 4,
};

/// Requests of one kind for one sequence. Takes that wait together are one Operation, with the
/// answers of applying them one by one.
struct Operation {
  Kind kind = Kind::kTake;
  std::string sequence;
  /// A request each. kTake: how many numbers, 1 to kMaxCount, at least one value. kAdvance: the
  /// number that shall be the last given, exactly one value. kRemove: one value, 0.
  /// kRaiseBeginning: the number at which they shall begin, exactly one value, and no sequence.
  std::vector<std::uint64_t> values;
  /// The idempotency key; empty: none. With a key exactly one value, and kTake or kAdvance.
  std::string key;

  bool operator==(const Operation&) const = default;
};

/// What a leader promises about idempotency keys, as its options say. It stands in the log, since
/// every member must forget the same keys at the same entry.
struct KeyLimits {
  /// A key is remembered at least so long, in microseconds of replicated time.
  std::uint64_t age_us = 0;
  /// Keys remembered at most.
  std::uint64_t keys = 0;

  bool operator==(const KeyLimits&) const = default;
};

/// The content of one log entry. `stamp_us` is replicated time (microseconds since the cluster
/// began), written by the leader. At least one operation; a sequence may have several.
struct Batch {
  std::uint64_t stamp_us = 0;
  /// Meaningful, and written, only when an operation has a key.
  KeyLimits limits;
  std::vector<Operation> operations;

  /// Values of all operations: so many outcomes applying it has.
  std::size_t requests() const;
  bool operator==(const Batch&) const = default;
};

/// A client may name a sequence so: 1 to kMaxNameBytes of UTF-8. The error is a sentence for it.
Status judge_name(std::string_view name);
/// Is it 1 to kMaxKeyBytes visible ASCII characters?
bool is_key(std::string_view text);

/// Layout (varints and strings as in base/bytes.h):
///   u8 type (1), u8 version (3), varint stamp_us, u8 has_limits (0 or 1, 1 exactly when an
///   operation has a key), then if so varint age_us, varint keys; varint number of operations, then
///   for each:
///     u8 kind, plus 128 when it has a key; string sequence;
///     kTake: varint number of values, varint values...; kAdvance, kRaiseBeginning: varint value;
///     kRemove: nothing;
///     string key, if it has one.
/// Requires every limit above to be kept: a leader never writes what others would refuse.
std::string encode(const Batch& batch);
/// The reverse, and only of what encode() can write: limits, lengths and the end are checked. An
/// unknown type or version is an error that names it: the node must stop before it applies what it
/// does not understand.
Result<Batch> decode_batch(std::string_view bytes);

}  // namespace ticketd::ticket
