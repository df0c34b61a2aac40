// Strings that are used again and again, and do not grow for ever.
#pragma once

#include <cstddef>
#include <string>

namespace ticketd {

/// Clears a string that has room for at most `kept` bytes, and frees one that has more. (To assign
/// an empty one clears it and keeps its room, whether it is `{}` or `std::string()`.)
inline void clear_keeping(std::string& text, std::size_t kept) {
  if (text.capacity() > kept) {
    std::string().swap(text);
  } else {
    text.clear();
  }
}

}  // namespace ticketd
