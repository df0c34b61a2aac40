// Long options with '-' and '_' alike, before the parser sees them.
#include <algorithm>

#include "cli/option_table.h"
#include "cli/options.h"

namespace ticketd::cli {
namespace {

/// One option argument as it goes to the parser, and whether the next argument is its value.
struct Normalised {
  std::string argument;
  const OptionRow* value_follows = nullptr;
};

Error unknown_option(std::string_view name) {
  return Error{"unknown option '" + std::string(name) + "'"};
}

Error value_missing(const OptionRow& row) {
  return Error{"--" + std::string(row.name) + " needs a value: " + row.value};
}

Result<Normalised> normalise_long(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
  std::replace(name.begin(), name.end(), '-', '_');
  const OptionRow* row = find_option(name);
  if (row == nullptr) {
    return unknown_option(argument.substr(0, equals));
  }
  if (equals == std::string::npos) {
    return Normalised{"--" + name, row->value != nullptr ? row : nullptr};
  }
  if (row->value == nullptr) {
    return Error{"--" + name + " takes no value"};
  }
  if (equals + 1 == argument.size()) {
    return value_missing(*row);
  }
  return Normalised{"--" + name + argument.substr(equals), nullptr};
}

/// Letters may stand together (-dg); the first that takes a value ends them (-p9000, -dp 9000).
Result<Normalised> normalise_letters(const std::string& argument) {
  for (std::size_t i = 1; i < argument.size(); ++i) {
    const OptionRow* row = find_option(argument[i]);
    if (row == nullptr) {
      return unknown_option(i == 1 ? argument : std::string("-") + argument[i]);
    }
    if (row->value != nullptr) {
      return Normalised{argument, i + 1 == argument.size() ? row : nullptr};
    }
  }
  return Normalised{argument, nullptr};
}

}  // namespace

Result<std::vector<std::string>> normalise(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      out.insert(out.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    if (argument.size() < 2 || argument.front() != '-') {
      out.push_back(argument);
      continue;
    }
    const auto normalised =
        argument[1] == '-' ? normalise_long(argument) : normalise_letters(argument);
    if (!normalised) {
      return normalised.error();
    }
    out.push_back(normalised->argument);
    if (const OptionRow* row = normalised->value_follows) {
      if (++i == arguments.size() || arguments[i].empty()) {
        return value_missing(*row);
      }
      out.push_back(arguments[i]);
    }
  }
  return out;
}

}  // namespace ticketd::cli
