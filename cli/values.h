// Values of options: text to numbers, hosts and choices, with errors that say what is accepted.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/durability.h"
#include "base/result.h"
#include "http/options.h"

namespace ticketd::cli {

/// A decimal number from `least` to `most`, without sign or blanks.
Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most);

/// "0.0.0.0", "::": good to listen on, and no way to reach anybody.
bool is_any_address(std::string_view host);

/// HOST:PORT, canonical.
Result<std::string> parse_peer(std::string_view text);
/// Several with commas between; at least one.
Result<std::vector<std::string>> parse_peers(std::string_view text);

/// Whole seconds, or with one of "s", "m", "h", "d" behind the number: a second to ten years.
Result<std::chrono::seconds> parse_duration(std::string_view text);

/// Seconds with up to nine digits behind the point, "0.25", from `least` to `most`, in nanoseconds.
Result<std::chrono::nanoseconds> parse_seconds(std::string_view text,
                                               std::chrono::nanoseconds least,
                                               std::chrono::nanoseconds most);

Result<http::RedirectMode> parse_redirect(std::string_view text);
Result<Durability> parse_durability(std::string_view text);

}  // namespace ticketd::cli
