// The words of a line that was typed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ticketd::redis {

/// Where an argument stands.
struct Word {
  std::size_t at = 0;
  std::size_t size = 0;

  bool operator==(const Word&) const = default;
};

/// Splits at white space. Within "..." \n, \r, \t, \b, \a and \xHH mean what they do in C and any
/// other \c means c; within '...' \' alone is special. A closing quote ends its word. Appends the
/// words' bytes to `text` and where they stand there to `words`. False: a quote is not closed, or
/// something follows a closing one.
bool split_words(std::string_view line, std::string& text, std::vector<Word>& words);

}  // namespace ticketd::redis
