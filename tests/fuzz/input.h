// What the fuzz targets of binary formats share: taking numbers from an input, and putting them in
// place where a hash must match.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ticketd {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The number's bytes, little-endian, in place of those at `offset`. Requires that they are there.
inline void put_u64(std::string& bytes, std::size_t offset, std::uint64_t value) {
  ByteWriter out;
  out.u64(value);
  bytes.replace(offset, out.size(), out.view());
}

/// Flips bits for as long as `in` says where: at a u16 offset, by a u8.
inline void damage(ByteReader& in, std::string& bytes) {
  while (in.remaining() >= 3 && !bytes.empty()) {
    char& byte = bytes[in.u16() % bytes.size()];
    byte = static_cast<char>(byte ^ static_cast<char>(in.u8()));
  }
}

}  // namespace ticketd
