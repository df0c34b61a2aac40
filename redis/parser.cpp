#include "redis/parser.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace ticketd::redis {

namespace {

/// A line that says a count or a length, with its end.
constexpr std::size_t kNumberLineBytes = 32;
/// Bytes that are copied at a time to what is held, so that not much more is copied than is needed.
constexpr std::size_t kPieceBytes = 256;
/// Buffers that grew beyond this give their memory back.
constexpr std::size_t kBytesKept = 4096;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// For a message: what is no visible character becomes a question mark.
char shown(char c) { return c > ' ' && c <= '~' ? c : '?'; }

}  // namespace

Parsed Parser::next(std::string_view& input) {
  if (whole_) {
    begin_anew();
  }
  while (!input.empty()) {
    const bool fresh = held_.empty();
    const std::size_t before = held_.size();
    const std::string_view piece = fresh ? input : input.substr(0, kPieceBytes);
    if (!fresh) {
      held_.append(piece);
    }
    const std::string_view text = fresh ? piece : std::string_view(held_);
    const Step step = scan(text);
    if (step == Step::kWrong) {
      return ProtocolError{std::move(fault_)};
    }
    if (step == Step::kMore) {
      if (fresh) {
        held_.assign(piece);
      }
      input.remove_prefix(piece.size());
      continue;
    }
    input.remove_prefix(at_ - before);
    if (!words_.empty()) {
      piece_ = fresh ? text.substr(0, at_) : std::string_view();
      return result(text);
    }
    begin_anew();
  }
  return NeedMore{};
}

std::size_t Parser::take_repeats(std::string_view& input, std::size_t most) const {
  if (!whole_ || piece_.empty()) {
    return 0;
  }
  std::size_t repeats = 0;
  while (repeats < most && input.starts_with(piece_)) {
    input.remove_prefix(piece_.size());
    ++repeats;
  }
  return repeats;
}

Parsed Parser::result(std::string_view text) {
  const std::string_view from = inline_ ? std::string_view(inline_text_) : text;
  arguments_.clear();
  for (const Word& word : words_) {
    arguments_.push_back(from.substr(word.at, word.size));
  }
  whole_ = true;
  return Arguments(arguments_);
}

void Parser::begin_anew() {
  whole_ = false;
  piece_ = {};
  clear_keeping(held_, kBytesKept);
  clear_keeping(inline_text_, kBytesKept);
  inline_ = false;
  expected_ = Expected::kAny;
  at_ = searched_ = 0;
  words_.clear();
}

Parser::Step Parser::wrong(std::string message) {
  fault_ = std::move(message);
  return Step::kWrong;
}

Parser::Step Parser::scan(std::string_view text) {
  Step step = Step::kWhole;
  do {
    switch (expected_) {
      case Expected::kAny:
        expected_ = text.front() == '*' ? Expected::kCount : Expected::kInline;
        break;
      case Expected::kCount:
        step = scan_count(text);
        break;
      case Expected::kLength:
        step = scan_length(text);
        break;
      case Expected::kData:
        step = scan_data(text);
        break;
      case Expected::kInline:
        return scan_inline(text);
    }
  } while (step == Step::kWhole && expected_ != Expected::kAny);
  return step;
}

Parser::Step Parser::take_line(std::string_view text, std::string_view fault,
                               std::string_view& line) {
  const std::string_view window = text.substr(at_, kNumberLineBytes);
  const std::size_t end = window.find('\n');
  if (end == std::string_view::npos) {
    return window.size() < kNumberLineBytes ? Step::kMore : wrong(std::string(fault));
  }
  // A line without CR has no number then.
  line = end > 0 && window[end - 1] == '\r' ? window.substr(0, end - 1) : std::string_view();
  at_ += end + 1;
  return Step::kWhole;
}

Parser::Step Parser::scan_count(std::string_view text) {
  std::string_view line;
  if (const Step step = take_line(text, "too big mbulk count string", line); step != Step::kWhole) {
    return step;
  }
  const auto count = number(line.substr(std::min<std::size_t>(1, line.size())));
  if (!count || *count > static_cast<std::int64_t>(limits_.arguments)) {
    return wrong("invalid multibulk length");
  }
  arguments_left_ = static_cast<std::size_t>(std::max<std::int64_t>(*count, 0));
  expected_ = arguments_left_ > 0 ? Expected::kLength : Expected::kAny;
  return Step::kWhole;
}

Parser::Step Parser::scan_length(std::string_view text) {
  if (at_ == text.size()) {
    return Step::kMore;
  }
  if (text[at_] != '$') {
    return wrong(std::string("expected '$', got '") + shown(text[at_]) + "'");
  }
  std::string_view line;
  if (const Step step = take_line(text, "too big bulk count string", line); step != Step::kWhole) {
    return step;
  }
  const auto length = number(line.substr(std::min<std::size_t>(1, line.size())));
  if (!length || *length < 0 || *length > static_cast<std::int64_t>(limits_.argument_bytes)) {
    return wrong("invalid bulk length");
  }
  length_ = static_cast<std::size_t>(*length);
  if (at_ + length_ + 2 > limits_.request_bytes) {
    return wrong("too big request");
  }
  expected_ = Expected::kData;
  return Step::kWhole;
}

Parser::Step Parser::scan_data(std::string_view text) {
  if (text.size() < at_ + length_ + 2) {
    return Step::kMore;
  }
  // Redis does not look; but whoever sends other bytes has miscounted.
  if (text[at_ + length_] != '\r' || text[at_ + length_ + 1] != '\n') {
    return wrong("expected CRLF behind a bulk string");
  }
  words_.push_back({at_, length_});
  at_ += length_ + 2;
  expected_ = --arguments_left_ > 0 ? Expected::kLength : Expected::kAny;
  return Step::kWhole;
}

Parser::Step Parser::scan_inline(std::string_view text) {
  const std::size_t end = text.find('\n', searched_);
  if (std::min(end, text.size()) > limits_.request_bytes) {
    return wrong("too big inline request");
  }
  if (end == std::string_view::npos) {
    searched_ = text.size();
    return Step::kMore;
  }
  std::string_view line = text.substr(0, end);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  inline_ = true;
  if (!split_words(line, inline_text_, words_)) {
    return wrong("unbalanced quotes in request");
  }
  if (words_.size() > limits_.arguments) {
    return wrong("too many arguments in an inline request");
  }
  at_ = end + 1;
  return Step::kWhole;
}

}  // namespace ticketd::redis
