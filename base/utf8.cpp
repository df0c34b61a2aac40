#include "base/utf8.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace ticketd {

namespace {

/// What may begin a character, and what may come second (Unicode standard, table 3-7).
struct Character {
  unsigned char first_from, first_to;
  std::size_t bytes;
  unsigned char second_from, second_to;
};
constexpr Character kCharacters[] = {
    {0x00, 0x7f, 1, 0x00, 0x00}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

bool is_between(char c, unsigned char from, unsigned char to) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= from && byte <= to;
}

/// Bytes of the character at the front; 0: there is none.
std::size_t character_bytes(std::string_view text) {
  const auto* row = std::find_if(
      std::begin(kCharacters), std::end(kCharacters),
      [&](const Character& c) { return is_between(text[0], c.first_from, c.first_to); });
  if (row == std::end(kCharacters) || text.size() < row->bytes) {
    return 0;
  }
  for (std::size_t place = 1; place < row->bytes; ++place) {
    if (!is_between(text[place], place == 1 ? row->second_from : 0x80,
                    place == 1 ? row->second_to : 0xbf)) {
      return 0;
    }
  }
  return row->bytes;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    if (bytes == 0) {
      return false;
    }
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace ticketd
