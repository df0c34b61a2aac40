#include "redis/reply.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace ticketd::redis {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
/// A sign, the digits of 64 bits, and what stands around them.
constexpr std::size_t kNumberBytes = 24;

template <class Number>
void append_number(std::string& out, char type, Number number) {
  std::array<char, kNumberBytes> line;
  line[0] = type;
  char* end = std::to_chars(line.data() + 1, line.data() + line.size(), number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(line.data(), end);
}

}  // namespace

void ReplyWriter::head(char type, std::uint64_t number) { append_number(out_, type, number); }

void ReplyWriter::line(char type, std::string_view text) {
  out_.push_back(type);
  const std::size_t begin = out_.size();
  out_.append(text);
  std::replace_if(
      out_.begin() + static_cast<std::ptrdiff_t>(begin), out_.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  out_.append(kLineEnd);
}

void ReplyWriter::simple(std::string_view text) { line('+', text); }
void ReplyWriter::error(std::string_view text) { line('-', text); }
void ReplyWriter::simple_number(std::uint64_t number) { append_number(out_, '+', number); }
void ReplyWriter::integer(std::int64_t number) { append_number(out_, ':', number); }

void ReplyWriter::number(std::uint64_t number) {
  if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    append_number(out_, ':', number);
  } else {
    bulk(std::to_string(number));
  }
}

void ReplyWriter::bulk(std::string_view bytes) {
  head('$', bytes.size());
  out_.append(bytes).append(kLineEnd);
}

void ReplyWriter::text(std::string_view text) {
  if (protocol_ == Protocol::kResp2) {
    return bulk(text);
  }
  head('=', text.size() + 4);
  out_.append("txt:").append(text).append(kLineEnd);
}

void ReplyWriter::null() { out_.append(protocol_ == Protocol::kResp3 ? "_\r\n" : "$-1\r\n"); }

void ReplyWriter::map(std::size_t pairs) {
  protocol_ == Protocol::kResp3 ? head('%', pairs) : head('*', 2 * pairs);
}

}  // namespace ticketd::redis
