#include "base/bytes.h"

#include <utility>

namespace ticketd {

template <class Unsigned>
void ByteWriter::little_endian(Unsigned value) {
  char encoded[sizeof(Unsigned)];
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    encoded[i] = static_cast<char>((value >> (8 * i)) & 0xff);
  }
  out_.append(encoded, sizeof(Unsigned));
}

void ByteWriter::u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
void ByteWriter::u16(std::uint16_t value) { little_endian(value); }
void ByteWriter::u32(std::uint32_t value) { little_endian(value); }
void ByteWriter::u64(std::uint64_t value) { little_endian(value); }

void ByteWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    u8(static_cast<std::uint8_t>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  u8(static_cast<std::uint8_t>(value));
}

void ByteWriter::bytes(std::string_view value) { out_.append(value); }

void ByteWriter::string(std::string_view value) {
  varint(value.size());
  bytes(value);
}

std::string ByteWriter::take() { return std::exchange(out_, {}); }

/// Of more than one byte, or none at all.
std::uint64_t ByteReader::long_varint() {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kVarintBytesMax && i < rest_.size(); ++i) {
    const auto byte = static_cast<unsigned char>(rest_[i]);
    const bool last = (byte & 0x80) == 0;
    // The tenth byte holds bit 63 alone; a last byte of zero says nothing, so a shorter form
    // exists.
    if ((i + 1 == kVarintBytesMax && byte > 1) || (last && i > 0 && byte == 0)) {
      break;
    }
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if (last) {
      rest_.remove_prefix(i + 1);
      return value;
    }
  }
  fail();
  return 0;
}

std::string_view ByteReader::string(std::size_t length_max) {
  const std::uint64_t length = varint();
  if (length > length_max) {
    fail();
    return {};
  }
  return bytes(static_cast<std::size_t>(length));
}

void ByteReader::fail() {
  ok_ = false;
  rest_ = {};
}

}  // namespace ticketd
