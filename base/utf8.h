// Text from outside.
#pragma once

#include <string_view>

namespace ticketd {

/// Shortest forms, no surrogates, at most U+10FFFF. NUL and control characters are text as any
/// other.
bool is_utf8(std::string_view text);

}  // namespace ticketd
