#include "ticket/command.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <limits>
#include <string>
#include <vector>

namespace ticketd::ticket {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string result;
  for (const int value : values) {
    result.push_back(static_cast<char>(value));
  }
  return result;
}

Operation take(std::string sequence, std::vector<std::uint64_t> counts, std::string key = {}) {
  return {Kind::kTake, std::move(sequence), std::move(counts), std::move(key)};
}

std::string refusal(const std::string& encoded) {
  const Result<Batch> decoded = decode_batch(encoded);
  REQUIRE_FALSE(decoded.ok());
  return decoded.error().message;
}

TEST_CASE("a batch's bytes are those that the header names") {
  CHECK(encode({300, {}, {take("", {1, 2}), take("ab", {1000})}}) ==
        bytes({1, 3, 0xac, 2, 0, 2, 1, 0, 2, 1, 2, 1, 2, 'a', 'b', 1, 0xe8, 7}));
  const Operation advance{Kind::kAdvance, "a", {300}, "K"};
  const Operation remove{Kind::kRemove, "b", {0}, ""};
  CHECK(encode({0, {.age_us = 5, .keys = 6}, {advance, remove}}) ==
        bytes({1, 3, 0, 1, 5, 6, 2, 0x82, 1, 'a', 0xac, 2, 1, 'K', 3, 1, 'b'}));
  CHECK(encode({0, {}, {{Kind::kRaiseBeginning, "", {1000}, ""}}}) ==
        bytes({1, 3, 0, 0, 1, 4, 0, 0xe8, 7}));
}

TEST_CASE("a batch at every limit is read back as it was written") {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  Batch batch{.stamp_us = kMax, .limits = {kMax, kMax}, .operations = {}};
  batch.operations.push_back(take(std::string(kMaxNameBytes, '\xff'), {1, kMaxCount}));
  batch.operations.push_back({Kind::kAdvance, "", {kMax}, std::string(kMaxKeyBytes, '~')});
  batch.operations.push_back({Kind::kRaiseBeginning, "", {kMax}, ""});
  batch.operations.push_back(take("", std::vector<std::uint64_t>(kMaxRequestsPerBatch - 4, 1)));
  const Result<Batch> decoded = decode_batch(encode(batch));
  REQUIRE(decoded.ok());
  CHECK(*decoded == batch);
}

rc::Gen<Operation> any_operation() {
  return rc::gen::exec([] {
    Operation operation;
    operation.kind =
        *rc::gen::element(Kind::kTake, Kind::kAdvance, Kind::kRemove, Kind::kRaiseBeginning);
    operation.sequence = *rc::gen::arbitrary<std::string>();
    const bool may_have_key = operation.kind == Kind::kTake || operation.kind == Kind::kAdvance;
    const bool keyed = may_have_key && *rc::gen::arbitrary<bool>();
    if (keyed) {
      operation.key =
          *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange<char>('!', '\x7f')));
      operation.key.resize(std::min(operation.key.size(), kMaxKeyBytes));
    }
    switch (operation.kind) {
      case Kind::kTake: {
        const auto count = rc::gen::inRange<std::uint64_t>(1, kMaxCount + 1);
        operation.values =
            keyed ? std::vector{*count}
                  : *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(count));
        break;
      }
      case Kind::kAdvance:
        operation.values = {*rc::gen::arbitrary<std::uint64_t>()};
        break;
      case Kind::kRemove:
        operation.sequence.push_back('s');
        operation.values = {0};
        break;
      case Kind::kRaiseBeginning:
        operation.sequence.clear();
        operation.values = {*rc::gen::arbitrary<std::uint64_t>()};
        break;
    }
    return operation;
  });
}

TEST_CASE("any batch is read back as it was written") {
  CHECK(rc::check([] {
    Batch batch;
    batch.stamp_us = *rc::gen::arbitrary<std::uint64_t>();
    batch.operations =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<Operation>>(any_operation()));
    const bool keyed = std::any_of(batch.operations.begin(), batch.operations.end(),
                                   [](const Operation& each) { return !each.key.empty(); });
    if (keyed) {
      batch.limits = {*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::arbitrary<std::uint64_t>()};
    }
    const Result<Batch> decoded = decode_batch(encode(batch));
    RC_ASSERT(decoded.ok());
    RC_ASSERT(*decoded == batch);
  }));
}

TEST_CASE("an unknown type is refused by its number") {
  CHECK(refusal(bytes({77, 3, 0, 0, 1, 1, 0, 1, 1})).find("type 77") != std::string::npos);
  CHECK(refusal(bytes({0, 3, 0, 0, 1, 1, 0, 1, 1})).find("type 0") != std::string::npos);
}

TEST_CASE("an unknown version is refused by its number") {
  CHECK(refusal(bytes({1, 9, 0, 0, 1, 1, 0, 1, 1})).find("version 9") != std::string::npos);
  CHECK(refusal(bytes({1, 2, 0, 0, 1, 1, 0, 1, 1})).find("version 2") != std::string::npos);
}

TEST_CASE("a batch is refused when a byte is missing or one is too many") {
  const std::string whole = encode({300,
                                    {1000, 7},
                                    {take("", {1, 2}),
                                     take("ab", {1000}, "key"),
                                     {Kind::kAdvance, "c", {9}, ""},
                                     {Kind::kRemove, "d", {0}, ""},
                                     {Kind::kRaiseBeginning, "", {1000}, ""}}});
  REQUIRE(decode_batch(whole).ok());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(decode_batch(whole.substr(0, length)).ok());
  }
  CHECK(refusal(whole + "x").find("1 bytes too many") != std::string::npos);
}

TEST_CASE("values out of range are refused") {
  const std::string head = bytes({1, 3, 0, 0});
  const std::string keyed = bytes({1, 3, 0, 1, 9, 9});
  REQUIRE(decode_batch(head + bytes({1, 1, 0, 1, 1})).ok());
  REQUIRE(decode_batch(keyed + bytes({1, 0x81, 0, 1, 1, 1, 'k'})).ok());
  SUBCASE("no operation") { refusal(head + bytes({0})); }
  SUBCASE("an unknown kind") { refusal(head + bytes({1, 5, 0, 1})); }
  SUBCASE("kind 0") { refusal(head + bytes({1, 0, 1, 'a', 1, 1})); }
  SUBCASE("no value") { refusal(head + bytes({1, 1, 0, 0})); }
  SUBCASE("a count of zero") { refusal(head + bytes({1, 1, 0, 1, 0})); }
  SUBCASE("a count above the limit") { refusal(head + bytes({1, 1, 0, 1, 0xc1, 0x84, 0x3d})); }
  SUBCASE("a count in more bytes than it needs") { refusal(head + bytes({1, 1, 0, 1, 0x81, 0})); }
  SUBCASE("a length beyond the end") {
    refusal(head + bytes({1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}));
  }
  SUBCASE("more operations than bytes") { refusal(head + bytes({0xff, 0xff, 3, 1, 0, 1, 1})); }
  SUBCASE("a name that is too long") {
    refusal(head + bytes({1, 1, 0x80, 2}) + std::string(256, 'n') + bytes({1, 1}));
  }
  SUBCASE("the unnamed sequence removed") { refusal(head + bytes({1, 3, 0})); }
  SUBCASE("a removal with a key") { refusal(keyed + bytes({1, 0x83, 1, 'a', 1, 'k'})); }
  SUBCASE("the beginning of one sequence") { refusal(head + bytes({1, 4, 1, 'a', 1})); }
  SUBCASE("a beginning with a key") { refusal(keyed + bytes({1, 0x84, 0, 1, 1, 'k'})); }
  SUBCASE("two counts under one key") { refusal(keyed + bytes({1, 0x81, 0, 2, 1, 1, 1, 'k'})); }
  SUBCASE("an empty key") { refusal(keyed + bytes({1, 0x81, 0, 1, 1, 0})); }
  SUBCASE("a key with a space") { refusal(keyed + bytes({1, 0x81, 0, 1, 1, 1, ' '})); }
  SUBCASE("a key that is too long") {
    refusal(keyed + bytes({1, 0x81, 0, 1, 1, 65}) + std::string(65, 'k'));
  }
  SUBCASE("limits without a key") { refusal(keyed + bytes({1, 1, 0, 1, 1})); }
  SUBCASE("a key without limits") { refusal(head + bytes({1, 0x81, 0, 1, 1, 1, 'k'})); }
  SUBCASE("neither limits nor none") { refusal(bytes({1, 3, 0, 2, 1, 1, 0, 1, 1})); }
}

TEST_CASE("more requests than one entry may carry are refused, also over several operations") {
  std::string encoded = bytes({1, 3, 0, 0, 2});
  for (int operation = 0; operation < 2; ++operation) {
    encoded += bytes({1, 0, 0x81, 0x80, 2}) + std::string(32'769, '\x01');
  }
  refusal(encoded);
}

TEST_CASE("random bytes never decode into something that encodes differently") {
  CHECK(rc::check([](const std::string& tail) {
    const std::string encoded = bytes({1, 3}) + tail;
    const Result<Batch> decoded = decode_batch(encoded);
    if (decoded.ok()) {
      RC_ASSERT(encode(*decoded) == encoded);
    }
  }));
}

TEST_CASE("an idempotency key is 1 to 64 visible characters") {
  CHECK(is_key("a"));
  CHECK(is_key("!~"));
  CHECK(is_key(std::string(64, 'x')));
  CHECK_FALSE(is_key(""));
  CHECK_FALSE(is_key(std::string(65, 'x')));
  CHECK_FALSE(is_key("a b"));
  CHECK_FALSE(is_key("a\x7f"));
  CHECK_FALSE(is_key("\xc3\xa9"));
}

}  // namespace
}  // namespace ticketd::ticket
