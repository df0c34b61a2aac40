#include <unistd.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "redis/replies.h"

namespace ticketd::redis {

namespace {

/// Clients that look at it find the commands and replies that this version has.
constexpr std::string_view kRedisVersion = "7.0.0";

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return result;
}

std::string line(std::string_view name, std::string_view value) {
  return std::string(name) + ":" + std::string(value) + "\r\n";
}

template <std::integral Number>
std::string line(std::string_view name, Number value) {
  return line(name, std::string_view(std::to_string(value)));
}

// --- INFO ----------------------------------------------------------------------------------------

std::string server_lines(const Surroundings& around, const NodeView&) {
  return line("redis_version", kRedisVersion) + line("ticketd_version", around.options.version) +
         line("redis_mode", "cluster") + line("process_id", getpid()) +
         line("tcp_port", around.port) + line("uptime_in_seconds", around.uptime_s);
}

std::string client_lines(const Surroundings& around, const NodeView&) {
  return line("connected_clients", around.connections) +
         line("maxclients", around.options.limits.connections);
}

std::string stats_lines(const Surroundings& around, const NodeView&) {
  return line("total_connections_received", around.counters.connections) +
         line("total_commands_processed", around.counters.commands);
}

std::string replication_lines(const Surroundings&, const NodeView& view) {
  if (view.leader == view.self) {
    return line("role", "master") + line("connected_slaves", view.members.size() - 1);
  }
  std::string lines = line("role", "slave");
  const Member* leader = view.leading();
  const auto address = leader != nullptr ? parse_address(leader->redis) : Error{""};
  if (address.ok()) {
    lines += line("master_host", address->host) + line("master_port", address->port);
  }
  return lines + line("master_link_status", leader != nullptr ? "up" : "down");
}

std::string cluster_lines(const Surroundings&, const NodeView&) {
  return line("cluster_enabled", 1);
}

std::string raft_lines(const Surroundings&, const NodeView& view) {
  std::string lines;
  for (const auto& [name, value] : view.stats) {
    lines += line("raft_" + name, value);
  }
  return lines;
}

struct Section {
  std::string_view name;
  std::string (*lines)(const Surroundings& around, const NodeView& view);
};

constexpr Section kSections[] = {
    {"Server", server_lines},           {"Clients", client_lines},  {"Stats", stats_lines},
    {"Replication", replication_lines}, {"Cluster", cluster_lines}, {"Raft", raft_lines},
};

bool is_asked(const Section& section, Arguments arguments) {
  return arguments.size() == 1 ||
         std::any_of(arguments.begin() + 1, arguments.end(), [&](std::string_view argument) {
           const std::string asked = lower(argument);
           return asked == lower(section.name) || asked == "all" || asked == "default" ||
                  asked == "everything";
         });
}

// --- COMMAND -------------------------------------------------------------------------------------

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    result.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

/// As Redis 7 tells it: name, arity (negative: at least), flags, places of the first and last key
/// and the step between them, then categories, tips, key specifications and subcommands.
void reply_command_info(const Command& command, ReplyWriter& reply) {
  const auto least = static_cast<std::int64_t>(command.least);
  const auto key = static_cast<std::int64_t>(command.key);
  reply.array(10);
  reply.bulk(lower(command.name));
  reply.integer(command.least == command.most ? least : -least);
  const auto flags = words(command.flags);
  reply.set(flags.size());
  for (const std::string_view flag : flags) {
    reply.simple(flag);
  }
  reply.integer(key);
  reply.integer(key);
  reply.integer(key > 0 ? 1 : 0);
  reply.set(0);
  reply.array(0);
  reply.array(0);
  reply.array(0);
}

void reply_command_infos(Arguments names, ReplyWriter& reply) {
  reply.array(names.size());
  for (const std::string_view name : names) {
    const Command* command = find_command(name);
    command == nullptr ? reply.null() : reply_command_info(*command, reply);
  }
}

void reply_all_commands(ReplyWriter& reply) {
  reply.array(commands().size());
  for (const Command& command : commands()) {
    reply_command_info(command, reply);
  }
}

void reply_command_names(ReplyWriter& reply) {
  reply.array(commands().size());
  for (const Command& command : commands()) {
    reply.bulk(lower(command.name));
  }
}

/// `arguments`: a whole command.
void reply_keys_of(Arguments arguments, ReplyWriter& reply) {
  const Command* command = arguments.empty() ? nullptr : find_command(arguments[0]);
  if (command == nullptr) {
    return reply.error("ERR Invalid command specified");
  }
  if (arguments.size() < command->least || arguments.size() > command->most) {
    return reply.error("ERR Invalid number of arguments specified for command");
  }
  if (command->key == 0 || arguments.size() <= command->key) {
    return reply.error("ERR The command has no key arguments");
  }
  reply.array(1);
  reply.bulk(arguments[command->key]);
}

// --- CONFIG --------------------------------------------------------------------------------------

struct Setting {
  std::string name;
  std::string value;
};

/// What programs ask of any server before they begin, such as redis-benchmark.
std::array<Setting, 4> settings(const Options& options) {
  return {{{"appendonly", "yes"},
           {"databases", "1"},
           {"maxclients", std::to_string(options.limits.connections)},
           {"save", ""}}};
}

}  // namespace

void reply_info(Arguments arguments, const Surroundings& around, ReplyWriter& reply) {
  const NodeView view = around.operations.view();
  std::string text;
  for (const Section& section : kSections) {
    if (is_asked(section, arguments)) {
      text.append(text.empty() ? "" : "\r\n").append("# ").append(section.name).append("\r\n");
      text.append(section.lines(around, view));
    }
  }
  reply.text(text);
}

void reply_config(Arguments arguments, const Surroundings& around, ReplyWriter& reply) {
  if (!equals_ignoring_case(arguments[1], "GET")) {
    return reply.error(unknown_subcommand(arguments[1]));
  }
  if (arguments.size() < 3) {
    return reply.error(kWrongArguments);
  }
  std::vector<Setting> asked;
  for (const Setting& setting : settings(around.options)) {
    if (std::any_of(arguments.begin() + 2, arguments.end(), [&](std::string_view pattern) {
          return pattern == "*" || lower(pattern) == setting.name;
        })) {
      asked.push_back(setting);
    }
  }
  reply.map(asked.size());
  for (const Setting& setting : asked) {
    reply.bulk(setting.name);
    reply.bulk(setting.value);
  }
}

void reply_command(Arguments arguments, ReplyWriter& reply) {
  if (arguments.size() == 1) {
    return reply_all_commands(reply);
  }
  const Arguments rest = arguments.subspan(2);
  const auto is = [&](std::string_view name) { return equals_ignoring_case(arguments[1], name); };
  if (is("COUNT") && rest.empty()) {
    reply.integer(static_cast<std::int64_t>(commands().size()));
  } else if (is("INFO")) {
    rest.empty() ? reply_all_commands(reply) : reply_command_infos(rest, reply);
  } else if (is("LIST") && rest.empty()) {
    reply_command_names(reply);
  } else if (is("DOCS")) {
    reply.map(0);
  } else if (is("GETKEYS") && !rest.empty()) {
    reply_keys_of(rest, reply);
  } else if (is("COUNT") || is("LIST") || is("GETKEYS")) {
    reply.error(kWrongArguments);
  } else {
    reply.error(unknown_subcommand(arguments[1]));
  }
}

}  // namespace ticketd::redis
