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

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace ticketd
