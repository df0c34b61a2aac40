#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ticketd {

/// The most bytes a varint takes (64 bits, seven a byte).
inline constexpr std::size_t kVarintBytesMax = 10;

/// Appends values to a string of bytes it owns. Integers are little-endian; a varint is unsigned
/// LEB128: seven bits a byte, the lowest first, the top bit set on all bytes but the last.
class ByteWriter {
 public:
  ByteWriter() = default;
  /// Writes into what `room` has allocated; its bytes are dropped.
  explicit ByteWriter(std::string room) : out_(std::move(room)) { out_.clear(); }

  void u8(std::uint8_t value);
  void u16(std::uint16_t value);
  void u32(std::uint32_t value);
  void u64(std::uint64_t value);
  void varint(std::uint64_t value);

  /// The bytes as they are; the reader must know how many.
  void bytes(std::string_view value);

  /// The length as a varint, then the bytes.
  void string(std::string_view value);

  /// Makes room for `bytes` in all, to save growing.
  void reserve(std::size_t bytes) { out_.reserve(bytes); }

  std::size_t size() const { return out_.size(); }
  std::string_view view() const { return out_; }

  /// Hands over what was written and starts again with nothing.
  [[nodiscard]] std::string take();

 private:
  template <class Unsigned>
  void little_endian(Unsigned value);

  std::string out_;
};

/// Reads what a ByteWriter wrote, from bytes nobody has vouched for: never past their end.
///
/// The first read that is short or malformed sets a flag that stays: from then on ok() is false,
/// remaining() is 0 and every read returns zero or nothing. So a decoder reads all its fields and
/// asks ok() once, before it uses any of them. Returned views point into the input.
class ByteReader {
 public:
  explicit ByteReader(std::string_view input) : rest_(input) {}

  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();

  /// Only the shortest encoding is accepted, so that equal values are equal bytes.
  std::uint64_t varint();

  /// Exactly `count` bytes.
  std::string_view bytes(std::size_t count);

  /// A varint length of at most `length_max`, then that many bytes.
  std::string_view string(std::size_t length_max);

  /// Lets a decoder refuse a value that is well-formed but means nothing.
  void fail();

  bool ok() const { return ok_; }
  std::size_t remaining() const { return rest_.size(); }

  /// Everything was read, and all of it was well-formed.
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  template <class Unsigned>
  Unsigned little_endian();
  std::uint64_t long_varint();

  std::string_view rest_;
  bool ok_ = true;
};

// What follows is called for every field of every message, and so stands here.

template <class Unsigned>
Unsigned ByteReader::little_endian() {
  if (rest_.size() < sizeof(Unsigned)) {
    fail();
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
  }
  rest_.remove_prefix(sizeof(Unsigned));
  return static_cast<Unsigned>(value);
}

inline std::uint8_t ByteReader::u8() { return little_endian<std::uint8_t>(); }
inline std::uint16_t ByteReader::u16() { return little_endian<std::uint16_t>(); }
inline std::uint32_t ByteReader::u32() { return little_endian<std::uint32_t>(); }
inline std::uint64_t ByteReader::u64() { return little_endian<std::uint64_t>(); }

inline std::uint64_t ByteReader::varint() {
  if (!rest_.empty() && static_cast<unsigned char>(rest_.front()) < 0x80) {
    const auto value = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  return long_varint();
}

inline std::string_view ByteReader::bytes(std::size_t count) {
  if (count > rest_.size()) {
    fail();
    return {};
  }
  const std::string_view result = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return result;
}

}  // namespace ticketd
