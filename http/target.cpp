#include "http/target.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace ticketd::http {

namespace {

/// 0 to 15, or -1.
int hexadecimal(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

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
