#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace ticketd::check_detail {

namespace {
constexpr std::size_t kPrintedBytesMax = 256;
}  // namespace

void fail(const char* file, int line, std::string_view headline, std::string_view expression,
          std::string_view detail) {
  std::string text = std::string(file) + ":" + std::to_string(line) + ": ";
  text.append(headline).append(": ").append(expression);
  if (!detail.empty()) {
    text.append(" (").append(detail).append(")");
  }
  text.push_back('\n');
  // One write, so that the lines of threads failing together do not mix.
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  std::abort();
}

std::string quoted(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : bytes.substr(0, kPrintedBytesMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text.push_back('\\');
      text.push_back(c);
    } else if (byte >= 0x20 && byte < 0x7f) {
      text.push_back(c);
    } else {
      text.append("\\x");
      text.push_back(kHex[byte >> 4]);
      text.push_back(kHex[byte & 0xf]);
    }
  }
  text.push_back('"');
  if (bytes.size() > kPrintedBytesMax) {
    text.append("... of ").append(std::to_string(bytes.size())).append(" bytes");
  }
  return text;
}

}  // namespace ticketd::check_detail
