#include "base/bytes.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace ticketd {
namespace {

std::uint64_t read_varint(std::string_view encoded, bool expect_ok) {
  ByteReader reader(encoded);
  const std::uint64_t value = reader.varint();
  CHECK(reader.ok() == expect_ok);
  return value;
}

std::string written_varint(std::uint64_t value) {
  ByteWriter writer;
  writer.varint(value);
  return writer.take();
}

TEST_CASE("fixed-width integers are written little-endian") {
  ByteWriter writer;
  writer.u8(0x01);
  writer.u16(0x0302);
  writer.u32(0x07060504);
  writer.u64(0x0f0e0d0c0b0a0908);
  CHECK(writer.size() == 15);
  CHECK(writer.take() == "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f");
  CHECK(writer.size() == 0);
}

TEST_CASE("varints are written as LEB128") {
  CHECK(written_varint(0) == std::string(1, '\0'));
  CHECK(written_varint(127) == "\x7f");
  CHECK(written_varint(128) == "\x80\x01");
  CHECK(written_varint(624485) == "\xe5\x8e\x26");
  CHECK(written_varint(std::numeric_limits<std::uint64_t>::max()) ==
        std::string(9, '\xff') + "\x01");
}

TEST_CASE("a varint longer than its value needs is refused") {
  read_varint(std::string("\x80\x00", 2), false);
  read_varint(std::string("\xff\x80\x00", 3), false);
  read_varint(std::string(9, '\x80') + std::string(1, '\0'), false);
}

TEST_CASE("a varint of more than 64 bits is refused") {
  read_varint(std::string(9, '\xff') + "\x02", false);
  read_varint(std::string(9, '\xff') + "\x81\x01", false);
  read_varint(std::string(100, '\xff'), false);
}

TEST_CASE("a varint that is cut short is refused") {
  read_varint("", false);
  read_varint("\x80", false);
  read_varint(std::string(9, '\xff'), false);
}

TEST_CASE("a short read fails, and every read after it returns nothing") {
  ByteReader reader("\x01\x02\x03");
  CHECK(reader.u32() == 0);
  CHECK_FALSE(reader.ok());
  CHECK_FALSE(reader.at_end());
  CHECK(reader.remaining() == 0);
  CHECK(reader.u8() == 0);
  CHECK(reader.varint() == 0);
  CHECK(reader.bytes(1).empty());
  CHECK(reader.bytes(0).empty());
  CHECK(reader.string(10).empty());
  CHECK_FALSE(reader.ok());
}

TEST_CASE("a string longer than allowed or than the input is refused") {
  ByteWriter writer;
  writer.string("abcd");
  const std::string encoded = writer.take();

  ByteReader exact(encoded);
  CHECK(exact.string(4) == "abcd");
  CHECK(exact.at_end());

  ByteReader too_long(encoded);
  CHECK(too_long.string(3).empty());
  CHECK_FALSE(too_long.ok());

  ByteReader cut(std::string_view(encoded).substr(0, 4));
  CHECK(cut.string(4).empty());
  CHECK_FALSE(cut.ok());
}

TEST_CASE("a length near 2^64 does not overflow into a read") {
  const std::string encoded = written_varint(std::numeric_limits<std::uint64_t>::max()) + "x";
  ByteReader reader(encoded);
  CHECK(reader.string(std::numeric_limits<std::size_t>::max()).empty());
  CHECK_FALSE(reader.ok());
}

TEST_CASE("a decoder can refuse a value itself") {
  ByteReader reader("ab");
  reader.fail();
  CHECK_FALSE(reader.ok());
  CHECK(reader.remaining() == 0);
}

TEST_CASE("what is written is read back, and no prefix of it passes for the whole") {
  CHECK(rc::check([](std::uint8_t a, std::uint16_t b, std::uint32_t c, std::uint64_t d,
                     const std::vector<std::uint64_t>& numbers, const std::string& text,
                     const std::string& raw) {
    ByteWriter writer;
    writer.u8(a);
    writer.u16(b);
    writer.u32(c);
    writer.u64(d);
    for (const std::uint64_t number : numbers) {
      writer.varint(number);
    }
    writer.string(text);
    writer.bytes(raw);
    const std::string encoded = writer.take();

    const auto read = [&](std::string_view input) {
      ByteReader reader(input);
      bool same = reader.u8() == a;
      same = (reader.u16() == b) && same;
      same = (reader.u32() == c) && same;
      same = (reader.u64() == d) && same;
      for (const std::uint64_t number : numbers) {
        same = (reader.varint() == number) && same;
      }
      same = (reader.string(text.size()) == text) && same;
      same = (reader.bytes(raw.size()) == raw) && same;
      return std::tuple{reader.ok(), reader.at_end(), same};
    };
    RC_ASSERT(read(encoded) == std::tuple(true, true, true));
    const auto cut = *rc::gen::inRange<std::size_t>(0, encoded.size());
    RC_ASSERT_FALSE(std::get<0>(read(std::string_view(encoded).substr(0, cut))));
  }));
}

TEST_CASE("a varint that is read is written back as the same bytes, whatever the input") {
  CHECK(rc::check([](const std::vector<std::uint8_t>& noise) {
    const std::string input(noise.begin(), noise.end());
    ByteReader reader(input);
    while (reader.remaining() > 0) {
      const std::size_t before = reader.remaining();
      const std::uint64_t value = reader.varint();
      if (reader.ok()) {
        const std::string consumed =
            input.substr(input.size() - before, before - reader.remaining());
        RC_ASSERT(written_varint(value) == consumed);
      }
    }
  }));
}

}  // namespace
}  // namespace ticketd
