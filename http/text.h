// Characters and words of header fields.
#pragma once

#include <string_view>

namespace ticketd::http {

/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);
/// ASCII alone is folded. `lower_case` must be.
bool equals_ignoring_case(std::string_view text, std::string_view lower_case);
/// Takes what stands before the next `separator` outside quotes from the front of `list`, which is
/// shorter afterwards, and empty at the end. Trimmed.
std::string_view take_element(std::string_view& list, char separator);

}  // namespace ticketd::http
