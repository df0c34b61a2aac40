#include "ticket/records.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"

namespace ticketd::ticket {

namespace {

constexpr char kSequence = 's';
constexpr char kKey = 'k';
constexpr char kOrdinal = 'o';
/// Of no record: see beginning_hash().
constexpr char kBeginning = 'b';

std::string prefixed(char kind, std::string_view rest) {
  std::string key;
  key.reserve(1 + rest.size());
  key.push_back(kind);
  key.append(rest);
  return key;
}

bool may_be_remembered(Outcome::Result result) {
  return result == Outcome::Result::kDone || result == Outcome::Result::kOverflow ||
         result == Outcome::Result::kBehind;
}

}  // namespace

std::string sequence_key(std::string_view name) { return prefixed(kSequence, name); }

std::optional<std::string_view> sequence_name(std::string_view record_key) {
  if (!record_key.starts_with(kSequence)) {
    return std::nullopt;
  }
  return record_key.substr(1);
}

std::string idempotency_key(std::string_view key) { return prefixed(kKey, key); }

std::string ordinal_key(std::uint64_t ordinal) {
  return prefixed(kOrdinal, encode_ordinal(ordinal));
}

std::string encode_last(std::uint64_t last) {
  ByteWriter out;
  out.u64(last);
  return out.take();
}

std::string encode_ordinal(std::uint64_t ordinal) {
  std::string bytes(sizeof ordinal, '\0');
  for (std::size_t i = bytes.size(); i-- > 0; ordinal >>= 8) {
    bytes[i] = static_cast<char>(ordinal & 0xff);
  }
  return bytes;
}

std::string encode_key_record(const KeyRecord& record) {
  ENSURE(may_be_remembered(record.outcome.result));
  ByteWriter out;
  out.varint(record.expires_us);
  out.u8(static_cast<std::uint8_t>(record.kind));
  out.string(record.sequence);
  out.varint(record.value);
  out.string(record.key);
  out.u8(static_cast<std::uint8_t>(record.outcome.result));
  out.varint(record.outcome.first);
  out.varint(record.outcome.count);
  ENSURE_LE(out.size(), kMaxRecordValueBytes);
  return out.take();
}

std::optional<std::uint64_t> decode_last(std::string_view value) {
  ByteReader in(value);
  const std::uint64_t last = in.u64();
  return in.at_end() ? std::optional(last) : std::nullopt;
}

std::optional<std::uint64_t> decode_ordinal(std::string_view value) {
  std::uint64_t ordinal = 0;
  if (value.size() != sizeof ordinal) {
    return std::nullopt;
  }
  for (const char byte : value) {
    ordinal = ordinal << 8 | static_cast<unsigned char>(byte);
  }
  return ordinal;
}

std::optional<KeyRecord> decode_key_record(std::string_view value) {
  ByteReader in(value);
  KeyRecord record;
  record.expires_us = in.varint();
  record.kind = static_cast<Kind>(in.u8());
  record.sequence = in.string(kMaxNameBytes);
  record.value = in.varint();
  record.key = in.string(kMaxKeyBytes);
  record.outcome.result = static_cast<Outcome::Result>(in.u8());
  record.outcome.first = in.varint();
  record.outcome.count = in.varint();
  const bool valid = in.at_end() && is_key(record.key) &&
                     may_be_remembered(record.outcome.result) &&
                     (record.kind == Kind::kTake || record.kind == Kind::kAdvance);
  return valid ? std::optional(record) : std::nullopt;
}

bool is_record(std::string_view record_key, std::string_view value) {
  if (record_key.empty() || record_key.size() > kMaxRecordKeyBytes) {
    return false;
  }
  const std::string_view rest = record_key.substr(1);
  switch (record_key.front()) {
    case kSequence:
      return decode_last(value).has_value();
    case kKey:
      return is_key(rest) && decode_ordinal(value).has_value();
    case kOrdinal:
      return decode_ordinal(rest).has_value() && decode_key_record(value).has_value();
    default:
      return false;
  }
}

std::uint64_t record_hash(std::string_view record_key, std::string_view value) {
  ByteWriter record;
  record.string(record_key);
  record.bytes(value);
  return hash64(record.view());
}

std::uint64_t beginning_hash(std::uint64_t beginning) {
  return beginning == 0 ? 0 : record_hash(prefixed(kBeginning, ""), encode_last(beginning));
}

}  // namespace ticketd::ticket
