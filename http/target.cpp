#include "http/target.h"

#include <algorithm>
#include <charconv>

namespace ticketd::http {

namespace {

/// 0 to 15, or -1.
int hexadecimal(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

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

Result<std::string> percent_decoded(std::string_view text, Plus plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus == Plus::kSpace) {
      decoded.push_back(' ');
    } else if (text[at] != '%') {
      decoded.push_back(text[at]);
    } else {
      const int high = at + 2 < text.size() ? hexadecimal(text[at + 1]) : -1;
      const int low = at + 2 < text.size() ? hexadecimal(text[at + 2]) : -1;
      if (high < 0 || low < 0) {
        return Error{"has a % without two hexadecimal digits"};
      }
      decoded.push_back(static_cast<char>(16 * high + low));
      at += 2;
    }
  }
  if (!is_utf8(decoded)) {
    return Error{"is not UTF-8"};
  }
  return decoded;
}

bool Parameter::is(std::string_view known) const {
  if (name.find_first_of("%+") == std::string_view::npos) {
    return name == known;
  }
  const auto decoded = percent_decoded(name, Plus::kSpace);
  return decoded && *decoded == known;
}

std::optional<Parameter> take_parameter(std::string_view& text) {
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
    if (!piece.empty()) {
      const std::size_t equals = std::min(piece.find('='), piece.size());
      return Parameter{piece.substr(0, equals), piece.substr(std::min(equals + 1, piece.size()))};
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return result;
}

}  // namespace ticketd::http
