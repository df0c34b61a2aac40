// Lines as HTTP defines them, more strictly than llhttp takes them.
#pragma once

#include <cstddef>
#include <string_view>

namespace ticketd::http {

/// Finds the ends of lines in bytes that come in pieces. A line ends with CR LF. Everything that
/// another reader on the way might take for a line's end, or for a line that goes on, is refused:
/// that is how requests are smuggled. So: no CR or LF alone, no other control character but the
/// tab, and no line that begins with a space, a tab (the folding of old) or a colon (a header
/// without a name).
class LineScanner {
 public:
  enum class Found {
    /// All bytes were looked at; the line goes on.
    kNothing,
    kLine,
    kEmptyLine,
    kRefused,
  };

  /// Looks at bytes from `offset` on, and moves it behind what was found. After kRefused, error()
  /// says why and the scanner is of no more use until reset().
  Found next(std::string_view bytes, std::size_t& offset);

  std::string_view error() const { return error_; }
  void reset() { *this = {}; }

 private:
  Found refuse(std::string_view why);

  std::string_view error_;
  bool line_has_text_ = false;
  bool after_carriage_return_ = false;
};

}  // namespace ticketd::http
