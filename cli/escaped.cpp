#include "cli/escaped.h"

#include <cstddef>
#include <cstdint>

namespace ticketd::cli {
namespace {

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

/// How many bytes the character takes that `bytes` begin with; 0: there is none.
std::size_t utf8_length(std::string_view bytes) {
  const std::uint32_t lead = byte_at(bytes, 0);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc0 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                                           : 4;
  if (length == 0 || length > bytes.size() || lead > 0xf4) {
    return 0;
  }
  std::uint32_t character = length == 1 ? lead : lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(bytes, i) & 0xc0) != 0x80) {
      return 0;
    }
    character = character << 6 | (byte_at(bytes, i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xd800 && character < 0xe000;
  return character >= kLeast[length] && character <= 0x10ffff && !surrogate ? length : 0;
}

/// Those of the second set (U+0080 to U+009F) move a terminal's cursor too.
bool is_control(std::string_view character) {
  const std::uint32_t lead = byte_at(character, 0);
  return lead < 0x20 || lead == 0x7f || (lead == 0xc2 && byte_at(character, 1) < 0xa0);
}

void append_hex(std::string& out, char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  out += "\\x";
  out += kDigits[value >> 4];
  out += kDigits[value & 15];
}

}  // namespace

std::string escaped(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length == 0 || bytes.front() == '\\' || is_control(bytes.substr(0, length))) {
      append_hex(out, bytes.front());
      bytes.remove_prefix(1);
      continue;
    }
    out += bytes.substr(0, length);
    bytes.remove_prefix(length);
  }
  return out;
}

}  // namespace ticketd::cli
