#include "ticket/records.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

namespace ticketd::ticket {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

KeyRecord largest() {
  return {.expires_us = kMax,
          .kind = Kind::kAdvance,
          .sequence = std::string(kMaxNameBytes, '\xff'),
          .value = kMax,
          .key = std::string(kMaxKeyBytes, '~'),
          .outcome = {Outcome::Result::kBehind, kMax, kMax, false}};
}

TEST_CASE("the bytes of records never change: they are part of the disk format") {
  CHECK(sequence_key("ab") == "sab");
  CHECK(idempotency_key("K") == "kK");
  CHECK(ordinal_key(258) == std::string("o\0\0\0\0\0\0\1\2", 9));
  CHECK(encode_last(258) == std::string("\2\1\0\0\0\0\0\0", 8));
  CHECK(encode_ordinal(258) == std::string("\0\0\0\0\0\0\1\2", 8));
  const KeyRecord record{.expires_us = 300,
                         .kind = Kind::kTake,
                         .sequence = "ab",
                         .value = 5,
                         .key = "K",
                         .outcome = {Outcome::Result::kDone, 7, 5, false}};
  CHECK(encode_key_record(record) == "\xac\2\1\2ab\5\1K\1\7\5");
  CHECK(record_hash(sequence_key(""), encode_last(1)) == 5602521168091982493U);
  CHECK(record_hash(sequence_key("orders"), encode_last(1'000'000)) == 1690747837020481163);
  CHECK(beginning_hash(0) == 0);
  CHECK(beginning_hash(1'000'000) == 13379825531651605175U);
}

TEST_CASE("ordinals sort as numbers") {
  CHECK(ordinal_key(255) < ordinal_key(256));
  CHECK(ordinal_key(256) < ordinal_key(kMax));
}

TEST_CASE("what was written is read back, and nothing else is") {
  CHECK(decode_last(encode_last(kMax)) == kMax);
  CHECK(decode_ordinal(encode_ordinal(kMax)) == kMax);
  CHECK(decode_key_record(encode_key_record(largest())) == largest());
  CHECK(encode_key_record(largest()).size() <= kMaxRecordValueBytes);
  CHECK_FALSE(decode_last("1234567").has_value());
  CHECK_FALSE(decode_last("123456789").has_value());
  CHECK_FALSE(decode_ordinal("1234567").has_value());
  const std::string whole = encode_key_record(largest());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CHECK_FALSE(decode_key_record(whole.substr(0, length)).has_value());
  }
  CHECK_FALSE(decode_key_record(whole + "x").has_value());
  for (const Kind kind : {Kind::kRemove, Kind::kRaiseBeginning}) {
    KeyRecord of_no_key = largest();
    of_no_key.kind = kind;
    CHECK_FALSE(decode_key_record(encode_key_record(of_no_key)).has_value());
  }
}

TEST_CASE("a record is known by its key's first byte and checked whole") {
  CHECK(is_record(sequence_key(""), encode_last(1)));
  CHECK(is_record(sequence_key(std::string(kMaxNameBytes, 'x')), encode_last(1)));
  CHECK_FALSE(is_record(sequence_key(std::string(kMaxNameBytes + 1, 'x')), encode_last(1)));
  CHECK_FALSE(is_record(sequence_key("a"), "1"));
  CHECK(is_record(idempotency_key("a"), encode_ordinal(1)));
  CHECK_FALSE(is_record(idempotency_key(""), encode_ordinal(1)));
  CHECK(is_record(ordinal_key(1), encode_key_record(largest())));
  CHECK_FALSE(is_record(ordinal_key(1) + "x", encode_key_record(largest())));
  CHECK_FALSE(is_record(ordinal_key(1), "x"));
  CHECK_FALSE(is_record("", encode_last(1)));
  CHECK_FALSE(is_record("x", encode_last(1)));
  CHECK_FALSE(is_record("b", encode_last(1)));  // stands in the digest alone
}

TEST_CASE("a hash tells the key from the value") {
  CHECK(record_hash("ab", "c") != record_hash("a", "bc"));
}

}  // namespace
}  // namespace ticketd::ticket
