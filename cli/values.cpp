#include "cli/values.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/address.h"

namespace ticketd::cli {

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, number);
  if (text.empty() || fault != std::errc() || stopped != end || number < least || number > most) {
    return Error{"must be a whole number from " + std::to_string(least) + " to " +
                 std::to_string(most) + ", and is '" + std::string(text) + "'"};
  }
  return number;
}

bool is_any_address(std::string_view host) {
  // Every spelling of zero: 0.0.0.0, ::, 0:0:0:0:0:0:0:0, ::0.0.0.0.
  return !host.empty() && host.find_first_not_of("0:.") == std::string_view::npos;
}

Result<std::string> parse_peer(std::string_view text) {
  const Result<Address> address = parse_address(text);
  if (!address) {
    return address.error();
  }
  return to_string(*address);
}

Result<std::vector<std::string>> parse_peers(std::string_view text) {
  std::vector<std::string> peers;
  while (true) {
    const std::size_t comma = text.find(',');
    Result<std::string> peer = parse_peer(text.substr(0, comma));
    if (!peer) {
      return peer.error();
    }
    peers.push_back(*std::move(peer));
    if (comma == std::string_view::npos) {
      return peers;
    }
    text.remove_prefix(comma + 1);
  }
}

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::uint64_t kDay = 24 * 60 * 60;
  constexpr std::uint64_t kMost = 3650 * kDay;
  std::string_view digits = text;
  std::uint64_t unit = 1;
  for (const auto& [suffix, seconds] :
       {std::pair('s', std::uint64_t{1}), {'m', 60}, {'h', 60 * 60}, {'d', kDay}}) {
    if (text.ends_with(suffix)) {
      digits.remove_suffix(1);
      unit = seconds;
    }
  }
  const Result<std::uint64_t> number = parse_number(digits, 1, kMost / unit);
  if (!number) {
    return Error{
        "must be whole seconds, or a whole number with s, m, h or d behind it, from 1s to " +
        std::to_string(kMost / kDay) + "d, and is '" + std::string(text) + "'"};
  }
  return std::chrono::seconds(*number * unit);
}

Result<std::chrono::nanoseconds> parse_seconds(std::string_view text,
                                               std::chrono::nanoseconds least,
                                               std::chrono::nanoseconds most) {
  constexpr std::size_t kDigits = 9;
  constexpr std::uint64_t kSecondsMax = 1'000'000'000;
  const auto as_text = [](std::chrono::nanoseconds time) {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%g", static_cast<double>(time.count()) / 1e9);
    return std::string(buffer.data());
  };
  const std::size_t point = text.find('.');
  std::string fraction(point == std::string_view::npos ? "0" : text.substr(point + 1));
  const bool short_enough = fraction.size() <= kDigits;
  fraction.resize(kDigits, '0');
  const auto whole = parse_number(text.substr(0, point), 0, kSecondsMax);
  const auto part = parse_number(fraction, 0, kSecondsMax);
  const bool has_digits = point == std::string_view::npos || point + 1 < text.size();
  if (whole && part && short_enough && has_digits) {
    const auto time = std::chrono::nanoseconds(*whole * kSecondsMax + *part);
    if (time >= least && time <= most) {
      return time;
    }
  }
  return Error{"must be seconds from " + as_text(least) + " to " + as_text(most) + ", and is '" +
               std::string(text) + "'"};
}

Result<http::RedirectMode> parse_redirect(std::string_view text) {
  if (text == "301") return http::RedirectMode::k301;
  if (text == "307") return http::RedirectMode::k307;
  if (text == "308") return http::RedirectMode::k308;
  if (text == "proxy") return http::RedirectMode::kProxy;
  return Error{"must be 301, 307, 308 or proxy, and is '" + std::string(text) + "'"};
}

Result<Durability> parse_durability(std::string_view text) {
  for (const Durability level : {Durability::kHigh, Durability::kMedium, Durability::kLow}) {
    if (text == to_string(level)) return level;
  }
  return Error{"must be high, medium or low, and is '" + std::string(text) + "'"};
}

}  // namespace ticketd::cli
