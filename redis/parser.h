// From bytes to requests: RESP arrays of bulk strings, and inline commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "redis/inline_words.h"
#include "redis/limits.h"

namespace ticketd::redis {

/// A request, at least its command. Valid until the parser's next call, and as long as the input is
/// that it was taken from.
using Arguments = std::span<const std::string_view>;

/// All of the input was taken, and no request is whole.
struct NeedMore {};

/// What is wrong, in Redis's words where it has some: "invalid bulk length". Nobody knows where the
/// next request would begin.
struct ProtocolError {
  std::string message;
};

using Parsed = std::variant<NeedMore, Arguments, ProtocolError>;

/// Arguments of a request that came in one piece point into the input: nothing is copied. One that
/// is not whole is kept, and each of its bytes is looked at once, however it was cut. Empty
/// requests
/// (`*0`, `*-1`, an empty line) are skipped, as Redis does.
class Parser {
 public:
  explicit Parser(const RequestLimits& limits) : limits_(limits) {}

  /// Takes the next request from the front of `input`, or all of it. Not after a ProtocolError.
  Parsed next(std::string_view& input);

  /// After a request: takes those from the front of `input` that are the same, byte by byte, at
  /// most `most` of them, and returns how many they were. None when the request did not come in one
  /// piece.
  std::size_t take_repeats(std::string_view& input, std::size_t most) const;

  /// A part of a request was taken.
  bool in_request() const { return !whole_ && !held_.empty(); }

  /// Between two requests: gives back what the last one, which is of no more use, needed.
  void give_back_memory() {
    if (!in_request()) begin_anew();
  }

 private:
  enum class Expected : std::uint8_t { kAny, kCount, kLength, kData, kInline };
  enum class Step : std::uint8_t { kMore, kWhole, kWrong };

  /// Looks at `text`, which begins where the request does, from where it ended the last time on.
  Step scan(std::string_view text);
  Step scan_count(std::string_view text);
  Step scan_length(std::string_view text);
  Step scan_data(std::string_view text);
  Step scan_inline(std::string_view text);
  /// The line at at_, without its end; at_ is behind it then. `fault`: when it is too long.
  Step take_line(std::string_view text, std::string_view fault, std::string_view& line);
  Step wrong(std::string message);
  Parsed result(std::string_view text);
  void begin_anew();

  const RequestLimits limits_;
  /// What came of a request that is not whole; afterwards what its arguments point into.
  std::string held_;
  bool whole_ = false;
  /// The bytes of a whole request that came in one piece, where its arguments point into; else
  /// empty.
  std::string_view piece_;

  Expected expected_ = Expected::kAny;
  /// Up to here the request was understood; once it is whole, its end.
  std::size_t at_ = 0;
  /// No line ends before it.
  std::size_t searched_ = 0;
  std::size_t arguments_left_ = 0;
  std::size_t length_ = 0;
  std::vector<Word> words_;
  /// Inline: the words, without their quotes.
  std::string inline_text_;
  bool inline_ = false;
  std::string fault_;
  std::vector<std::string_view> arguments_;
};

}  // namespace ticketd::redis
