// The help texts, from the table of options.
#include <algorithm>
#include <vector>

#include "cli/option_table.h"

namespace ticketd::cli {
namespace {

constexpr std::size_t kTextColumn = 32;
constexpr std::size_t kLineWidth = 96;

/// `text` from kTextColumn on, broken between words.
void append_wrapped(std::string& out, std::string_view text) {
  std::size_t column = kTextColumn;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (column > kTextColumn && column + 1 + word.size() > kLineWidth) {
      out += '\n' + std::string(kTextColumn, ' ');
      column = kTextColumn;
    } else if (column > kTextColumn) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  out += '\n';
}

/// One line: what is typed, and what it means.
void append_line(std::string& out, const std::string& typed, const std::string& text) {
  out += typed;
  if (typed.size() + 1 < kTextColumn) {
    out += std::string(kTextColumn - typed.size(), ' ');
  } else {
    out += '\n' + std::string(kTextColumn, ' ');
  }
  append_wrapped(out, text);
}

void append_option(std::string& out, const OptionRow& row) {
  std::string typed = row.letter != 0 ? std::string("  -") + row.letter + ", --" : "      --";
  for (const char c : std::string_view(row.name)) {
    typed += c == '_' ? '-' : c;
  }
  if (row.value != nullptr) {
    typed += std::string(" ") + row.value;
  }
  std::string text = row.text;
  if (row.fallback != nullptr) {
    text += std::string(" [") + row.fallback + "]";
  }
  append_line(out, typed, text);
}

void append_options(std::string& out, CommandSet commands) {
  std::vector<std::string_view> groups;
  for (const OptionRow& row : option_rows()) {
    if ((row.commands & commands) != 0 &&
        std::find(groups.begin(), groups.end(), row.group) == groups.end()) {
      groups.push_back(row.group);
    }
  }
  for (const std::string_view group : groups) {
    out += "\n" + std::string(group) + ":\n";
    for (const OptionRow& row : option_rows()) {
      if ((row.commands & commands) != 0 && row.group == group) {
        append_option(out, row);
      }
    }
  }
}

std::string command_line(const CommandRow& row) {
  std::string line = "ticketd";
  if (*row.word != 0) {
    line += std::string(" ") + row.word;
  }
  if (*row.argument != 0) {
    line += std::string(" ") + row.argument;
  }
  if ((only(row.name) & row_of(OptionKey::kId).commands) != 0) {
    line += " --id ID";
  }
  return line;
}

constexpr const char* kExamples = R"(
In long names '-' and '_' are the same. Options may stand before or after the command.
HOST is a name, an IPv4 or an IPv6 address; before a port IPv6 stands in brackets: [::1]:9000.

A client command asks the members that --peer names; without it the node that runs in --path,
else the members that the data there knows, else 127.0.0.1:--raft-port.

Exit codes: 0 ok, 1 error, 2 wrong usage, 3 this node was removed from its cluster.

Three nodes on one machine:
  ticketd start --id 1 -P store1
  ticketd join 127.0.0.1:9000 --id 2 -P store2 -p 9001 -t 8001
  ticketd join 127.0.0.1:9000 --id 3 -P store3 -p 9002 -t 8002
  curl -X POST http://127.0.0.1:8000/
  ticketd status
  ticketd leave -P store3
)";

}  // namespace

std::string help() {
  std::string out =
      "ticketd: a cluster that hands out tickets, numbers that only grow.\n\nUsage:\n";
  for (const CommandRow& row : command_rows()) {
    append_line(out, "  " + command_line(row), row.text);
  }
  append_options(out, kEveryCommand);
  out += kExamples;
  return out;
}

std::string help(CommandName command) {
  const CommandRow& row = row_of(command);
  std::string out = "Usage: " + command_line(row) + " [options]\n\n" + row.details;
  append_options(out, only(command));
  return out;
}

}  // namespace ticketd::cli
