// What a target says: keys and parameters, percent-decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ticketd::http {

/// How '+' is read: as it is in a path, as a space in a query and in a form.
enum class Plus { kPlus, kSpace };

/// Decodes %XX. The result is UTF-8 (see is_utf8). The error names what is wrong, as the rest of a
/// sentence: "has a % without two hexadecimal digits".
Result<std::string> percent_decoded(std::string_view text, Plus plus);

/// One piece of a query or a form: NAME=VALUE or NAME, as sent.
struct Parameter {
  std::string_view name;
  std::string_view value;

  /// Is this its name, decoded? A name that cannot be decoded is none that is known.
  bool is(std::string_view known) const;
};

/// Takes the first parameter from the front of `text`; none at the end. Empty pieces are skipped.
std::optional<Parameter> take_parameter(std::string_view& text);

/// Decimal digits alone, 0 to 2^64 - 1.
std::optional<std::uint64_t> number(std::string_view text);

}  // namespace ticketd::http
