#include "http/line_scanner.h"

#include <array>

namespace ticketd::http {

namespace {

/// What a line may consist of: everything but control characters.
constexpr std::array<bool, 256> text_table() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    table[c] = (c >= 0x20 && c != 0x7f) || c == '\t';
  }
  return table;
}
constexpr std::array<bool, 256> kText = text_table();

bool is_text(char c) { return kText[static_cast<unsigned char>(c)]; }

}  // namespace

LineScanner::Found LineScanner::next(std::string_view bytes, std::size_t& offset) {
  while (offset < bytes.size()) {
    const char c = bytes[offset];
    if (after_carriage_return_) {
      if (c != '\n') {
        return refuse("a carriage return without a line feed");
      }
      ++offset;
      const bool had_text = line_has_text_;
      after_carriage_return_ = line_has_text_ = false;
      return had_text ? Found::kLine : Found::kEmptyLine;
    }
    if (c == '\r') {
      after_carriage_return_ = true;
      ++offset;
      continue;
    }
    if (!is_text(c)) {
      return refuse(c == '\n' ? "a line feed without a carriage return" : "a control character");
    }
    if (!line_has_text_ && (c == ' ' || c == '\t' || c == ':')) {
      return refuse(c == ':' ? "a header without a name" : "a line that begins with white space");
    }
    line_has_text_ = true;
    while (offset < bytes.size() && is_text(bytes[offset])) {
      ++offset;
    }
  }
  return Found::kNothing;
}

LineScanner::Found LineScanner::refuse(std::string_view why) {
  error_ = why;
  return Found::kRefused;
}

}  // namespace ticketd::http
