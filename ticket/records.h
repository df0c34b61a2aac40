// The records of the replicated state: byte strings under byte strings, which the store keeps
// without knowing what they mean.
//
//   's' name             -> u64 little-endian: the last number given
//   'k' idempotency key  -> u64 big-endian: the ordinal under which it was taken in
//   'o' u64 big-endian   -> the KeyRecord of that ordinal
//
// Ordinals count up, so their order is the order of age: the oldest key is found without a search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ticket/command.h"

namespace ticketd::ticket {

inline constexpr std::size_t kMaxRecordKeyBytes = 1 + kMaxNameBytes;
inline constexpr std::size_t kMaxRecordValueBytes = 512;

/// How applying one request ended. The numbers stand in KeyRecords and never change.
struct Outcome {
  enum class Result : std::uint8_t {
    /// kTake: numbers first to first + count - 1 are the client's alone. kAdvance: `first` is the
    /// last number given now, count is 0. kRemove: `first` was the last number given, count is 1;
    /// or both are 0, since there was no such sequence. kRaiseBeginning: `first` is the beginning
    /// now, count is 0.
    kDone = 1,
    /// The sequence would pass 2^64 - 1; nothing changed. `first` and `count` are 0.
    kOverflow = 2,
    /// kAdvance would have moved it backward; nothing changed. `first` is the last number given, or
    /// of a sequence that is not known the last one that may have been.
    kBehind = 3,
    /// The idempotency key was taken in with another kind, sequence or value; nothing changed.
    kKeyReused = 4,
    /// No more keys can be remembered, and none is old enough to be forgotten; nothing changed.
    kKeysFull = 5,
  };
  Result result = Result::kDone;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  /// The answer of an earlier request with the same key, handed back.
  bool replayed = false;

  bool operator==(const Outcome&) const = default;
};

/// What is remembered of a request with an idempotency key.
struct KeyRecord {
  /// Replicated time until which it is not forgotten.
  std::uint64_t expires_us = 0;
  Kind kind = Kind::kTake;
  std::string sequence;
  std::uint64_t value = 0;
  std::string key;
  /// kDone, kOverflow or kBehind.
  Outcome outcome;

  bool operator==(const KeyRecord&) const = default;
};

std::string sequence_key(std::string_view name);
/// The name, if `record_key` is a sequence's.
std::optional<std::string_view> sequence_name(std::string_view record_key);
std::string idempotency_key(std::string_view key);
std::string ordinal_key(std::uint64_t ordinal);

std::string encode_last(std::uint64_t last);
std::string encode_ordinal(std::uint64_t ordinal);
std::string encode_key_record(const KeyRecord& record);
/// None: these bytes were not written by the function above.
std::optional<std::uint64_t> decode_last(std::string_view value);
std::optional<std::uint64_t> decode_ordinal(std::string_view value);
std::optional<KeyRecord> decode_key_record(std::string_view value);

/// Could the machine have written that record? For whoever reads records that nobody has vouched
/// for.
bool is_record(std::string_view record_key, std::string_view value);

/// The hash of one record in Summary::digest.
std::uint64_t record_hash(std::string_view record_key, std::string_view value);
/// What Summary::beginning adds to it: nothing when it is 0, else the hash of a record that there
/// could not be.
std::uint64_t beginning_hash(std::uint64_t beginning);

}  // namespace ticketd::ticket
