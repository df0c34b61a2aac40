// What stands on the command line, before anybody looks at the values.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/option_table.h"

namespace ticketd::cli {

struct Given {
  CommandName command = CommandName::kRejoin;
  /// What follows the command: an address, an id or a key.
  std::optional<std::string> argument;
  /// In the order of OptionKey.
  std::array<std::vector<std::string>, kOptionCount> values;
  std::array<bool, kOptionCount> flags{};

  bool has(OptionKey key) const {
    const auto place = static_cast<std::size_t>(key);
    return flags[place] || !values[place].empty();
  }
  bool flag(OptionKey key) const { return flags[static_cast<std::size_t>(key)]; }
  const std::vector<std::string>& all(OptionKey key) const {
    return values[static_cast<std::size_t>(key)];
  }
};

/// Sorts arguments into commands and options. Refused are what is not known, a value too many or
/// too few, and an option that its command does not take.
Result<Given> sort_arguments(const std::vector<std::string>& arguments);

}  // namespace ticketd::cli
