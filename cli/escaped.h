// Names of sequences on a terminal and in lines.
#pragma once

#include <string>
#include <string_view>

namespace ticketd::cli {

/// Any bytes as one word of printable UTF-8 that stands for them and for no others: control
/// characters, the backslash, and bytes that are no UTF-8 come as \xHH.
std::string escaped(std::string_view bytes);

}  // namespace ticketd::cli
