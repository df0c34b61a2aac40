#include "cli/given.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/options.h"

namespace ticketd::cli {
namespace {

std::string quoted(const std::string& text) { return "'" + text + "'"; }

void add_options(CLI::App& app, Given& given) {
  for (const OptionRow& row : option_rows()) {
    const auto place = static_cast<std::size_t>(row.key);
    std::string names = "--" + std::string(row.name);
    if (row.letter != 0) {
      names += std::string(",-") + row.letter;
    }
    if (row.value == nullptr) {
      app.add_flag(names, given.flags[place]);
    } else {
      // One value each time it is named: a list would swallow the arguments that follow.
      app.add_option(names, given.values[place])
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->expected(1)
          ->allow_extra_args(false);
    }
  }
}

void add_commands(CLI::App& app, Given& given) {
  for (const CommandRow& row : command_rows()) {
    if (row.name == CommandName::kRejoin) {
      continue;
    }
    CLI::App* command = app.add_subcommand(row.word);
    // Options behind the command are the same as before it.
    command->fallthrough();
    command->callback([&given, name = row.name] { given.command = name; });
    if (*row.argument != 0) {
      // Not straight into the optional, for which "" would be none.
      command->add_option_function<std::string>(
          "argument", [&given](const std::string& argument) { given.argument = argument; });
    }
  }
}

Status refuse_rest(const Given& given, const std::vector<std::string>& rest) {
  if (rest.empty()) {
    return {};
  }
  if (given.command != CommandName::kRejoin) {
    return Error{"unexpected argument " + quoted(rest.front()) + " after " +
                 quoted(row_of(given.command).word)};
  }
  std::string commands;
  for (const CommandRow& row : command_rows()) {
    if (*row.word != 0) {
      commands += (commands.empty() ? "" : ", ") + std::string(row.word);
    }
  }
  return Error{"unknown command " + quoted(rest.front()) + "; there are " + commands};
}

std::string command_list(CommandSet commands) {
  std::string list;
  for (const CommandRow& row : command_rows()) {
    if ((commands & only(row.name)) != 0) {
      list += (list.empty() ? "" : ", ") + quoted(row.word);
    }
  }
  return list;
}

Status check_uses(const Given& given) {
  for (const OptionRow& row : option_rows()) {
    if (!given.has(row.key)) {
      continue;
    }
    if ((row.commands & only(given.command)) == 0) {
      const std::string word = row_of(given.command).word;
      return Error{"--" + std::string(row.name) + " goes with " + command_list(row.commands) +
                   (word.empty() ? "" : ", not with " + quoted(word))};
    }
    const bool is_list = row.key == OptionKey::kPeer || row.key == OptionKey::kHttp ||
                         row.key == OptionKey::kRedis;
    if (!is_list && given.all(row.key).size() > 1) {
      return Error{"--" + std::string(row.name) + " is given more than once"};
    }
  }
  return {};
}

}  // namespace

Result<Given> sort_arguments(const std::vector<std::string>& arguments) {
  Result<std::vector<std::string>> normalised = normalise(arguments);
  if (!normalised) {
    return normalised.error();
  }
  Given given;
  CLI::App app;
  app.set_help_flag();
  app.require_subcommand(0, 1);
  app.allow_extras();
  try {
    add_options(app, given);
    add_commands(app, given);
    std::vector<std::string> reversed(normalised->rbegin(), normalised->rend());
    app.parse(std::move(reversed));
  } catch (const CLI::Error& fault) {
    return Error{fault.what()};
  }
  std::vector<std::string> rest = app.remaining(true);
  // The mark behind which nothing is an option is handed back with the rest.
  if (const auto mark = std::find(rest.begin(), rest.end(), "--"); mark != rest.end()) {
    rest.erase(mark);
  }
  if (Status refused = refuse_rest(given, rest); !refused) {
    return refused.error();
  }
  if (Status refused = check_uses(given); !refused && !given.flag(OptionKey::kHelp)) {
    return refused.error();
  }
  return given;
}

}  // namespace ticketd::cli
