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

std::string refusal(const std::string& encoded) {
  const Result<Command> decoded = decode_command(encoded);
  REQUIRE_FALSE(decoded.ok());
  return decoded.error().message;
}

TEST_CASE("a command's bytes are those that the header names") {
  const TakeBatch batch{.stamp_us = 300, .steps = {{"", {1, 2}}, {"ab", {1000}}}};
  CHECK(encode(batch) == bytes({1, 1, 0xac, 2, 2, 0, 2, 1, 2, 2, 'a', 'b', 1, 0xe8, 7}));
}

TEST_CASE("a command at every limit is read back as it was written") {
  TakeBatch batch{.stamp_us = std::numeric_limits<std::uint64_t>::max(), .steps = {}};
  batch.steps.push_back({std::string(kMaxNameBytes, '\xff'), {1, kMaxCount}});
  batch.steps.push_back({"", std::vector<std::uint64_t>(kMaxRequestsPerBatch - 2, 1)});
  const Result<Command> decoded = decode_command(encode(batch));
  REQUIRE(decoded.ok());
  CHECK(std::get<TakeBatch>(*decoded) == batch);
}

TEST_CASE("any command is read back as it was written") {
  CHECK(rc::check([] {
    TakeBatch batch;
    batch.stamp_us = *rc::gen::arbitrary<std::uint64_t>();
    const auto steps = *rc::gen::inRange(1, 6);
    for (int i = 0; i < steps; ++i) {
      batch.steps.push_back({*rc::gen::arbitrary<std::string>(),
                             *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(
                                 rc::gen::inRange<std::uint64_t>(1, kMaxCount + 1)))});
    }
    const Result<Command> decoded = decode_command(encode(batch));
    RC_ASSERT(decoded.ok());
    RC_ASSERT(std::get<TakeBatch>(*decoded) == batch);
  }));
}

TEST_CASE("an unknown type is refused by its number") {
  CHECK(refusal(bytes({77, 1, 0, 1, 0, 1, 1})).find("type 77") != std::string::npos);
  CHECK(refusal(bytes({0, 1, 0, 1, 0, 1, 1})).find("type 0") != std::string::npos);
}

TEST_CASE("an unknown version is refused by its number") {
  CHECK(refusal(bytes({1, 9, 0, 1, 0, 1, 1})).find("version 9") != std::string::npos);
  CHECK(refusal(bytes({1, 0, 0, 1, 0, 1, 1})).find("version 0") != std::string::npos);
}

TEST_CASE("a command is refused when a byte is missing or one is too many") {
  const std::string whole = encode(TakeBatch{300, {{"", {1, 2}}, {"ab", {1000}}}});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(decode_command(whole.substr(0, length)).ok());
  }
  CHECK(refusal(whole + "x").find("1 bytes too many") != std::string::npos);
}

TEST_CASE("values out of range are refused") {
  const std::string head = bytes({1, 1, 0});
  REQUIRE(decode_command(head + bytes({1, 0, 1, 1})).ok());
  SUBCASE("no step") { refusal(head + bytes({0})); }
  SUBCASE("no count") { refusal(head + bytes({1, 0, 0})); }
  SUBCASE("a count of zero") { refusal(head + bytes({1, 0, 1, 0})); }
  SUBCASE("a count above the limit") { refusal(head + bytes({1, 0, 1, 0xc1, 0x84, 0x3d})); }
  SUBCASE("a count in more bytes than it needs") { refusal(head + bytes({1, 0, 1, 0x81, 0})); }
  SUBCASE("a length beyond the end") {
    refusal(head + bytes({1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}));
  }
  SUBCASE("more steps than bytes") { refusal(head + bytes({0xff, 0xff, 3, 0, 1, 1})); }
  SUBCASE("a name that is too long") {
    refusal(head + bytes({1, 0x80, 2}) + std::string(256, 'n') + bytes({1, 1}));
  }
}

TEST_CASE("more requests than one entry may carry are refused, also over several steps") {
  std::string encoded = bytes({1, 1, 0, 2});
  for (int step = 0; step < 2; ++step) {
    encoded += bytes({0, 0x81, 0x80, 2}) + std::string(32'769, '\x01');
  }
  refusal(encoded);
}

TEST_CASE("random bytes never decode into something that encodes differently") {
  CHECK(rc::check([](const std::string& tail) {
    const std::string encoded = bytes({1, 1}) + tail;
    const Result<Command> decoded = decode_command(encoded);
    if (decoded.ok()) {
      RC_ASSERT(encode(*decoded) == encoded);
    }
  }));
}

}  // namespace
}  // namespace ticketd::ticket
