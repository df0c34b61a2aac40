#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "redis/replies.h"
#include "ticket/command.h"

namespace ticketd::redis {

namespace {

/// Of a name that a client gives itself, or its library.
constexpr std::size_t kNameBytesMax = 255;
/// Of what a client sent, in a message to it.
constexpr std::size_t kShownBytesMax = 128;

std::string quoted(std::string_view name) {
  return "'" + std::string(name.substr(0, kShownBytesMax)) + "'";
}

/// Such names go into lists whose lines are split at spaces.
bool is_client_name(std::string_view name) {
  return name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::string bad_client_name(const std::string& what) {
  return "ERR " + what +
         " cannot contain spaces, newlines or special characters, and has at most " +
         std::to_string(kNameBytesMax) + " bytes.";
}

/// Every user but "default" is unknown, and that one has no password.
std::optional<std::string_view> fault_of_user(std::string_view user) {
  if (user == "default") {
    return std::nullopt;
  }
  return "WRONGPASS invalid username-password pair or user is disabled.";
}

/// What HELLO asks for.
struct Greeting {
  Protocol protocol = Protocol::kResp2;
  std::optional<std::string> name;
};

/// The error is the reply.
Result<Greeting> understand_hello(Arguments arguments, Protocol protocol) {
  Greeting greeting{protocol, std::nullopt};
  if (arguments.size() > 1) {
    const std::string_view version = arguments[1];
    if (version.empty() || version.find_first_not_of("0123456789") != std::string_view::npos) {
      return Error{"ERR Protocol version is not an integer or out of range"};
    }
    if (version != "2" && version != "3") {
      return Error{"NOPROTO unsupported protocol version"};
    }
    greeting.protocol = version == "3" ? Protocol::kResp3 : Protocol::kResp2;
  }
  for (std::size_t at = 2; at < arguments.size();) {
    const std::size_t behind = arguments.size() - at - 1;
    if (equals_ignoring_case(arguments[at], "AUTH") && behind >= 2) {
      if (const auto fault = fault_of_user(arguments[at + 1])) return Error{std::string(*fault)};
      at += 3;
    } else if (equals_ignoring_case(arguments[at], "SETNAME") && behind >= 1) {
      if (!is_client_name(arguments[at + 1])) return Error{bad_client_name("Client names")};
      greeting.name = arguments[at + 1];
      at += 2;
    } else {
      return Error{"ERR Syntax error in HELLO option " + quoted(arguments[at])};
    }
  }
  return greeting;
}

void set_info(Arguments arguments, Session& session, ReplyWriter& reply) {
  const bool version = equals_ignoring_case(arguments[2], "LIB-VER");
  if (!version && !equals_ignoring_case(arguments[2], "LIB-NAME")) {
    return reply.error("ERR Unrecognized option " + quoted(arguments[2]));
  }
  if (!is_client_name(arguments[3])) {
    return reply.error(bad_client_name(version ? "lib-ver" : "lib-name"));
  }
  (version ? session.library_version : session.library) = arguments[3];
  reply.ok();
}

void set_name(std::string_view name, Session& session, ReplyWriter& reply) {
  if (!is_client_name(name)) {
    return reply.error(bad_client_name("Client names"));
  }
  session.name = name;
  reply.ok();
}

}  // namespace

std::string unknown_command(std::string_view name) { return "ERR unknown command " + quoted(name); }

std::string unknown_subcommand(std::string_view name) {
  return "ERR unknown subcommand " + quoted(name);
}

void reply_ping(Arguments arguments, ReplyWriter& reply) {
  arguments.size() == 1 ? reply.simple("PONG") : reply.bulk(arguments[1]);
}

void reply_auth(Arguments arguments, ReplyWriter& reply) {
  if (arguments.size() == 2) {
    return reply.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  }
  const auto fault = fault_of_user(arguments[1]);
  fault ? reply.error(*fault) : reply.ok();
}

void reply_hello(Arguments arguments, const Surroundings& around, Session& session,
                 std::string& out) {
  auto greeting = understand_hello(arguments, session.protocol);
  if (!greeting) {
    return ReplyWriter(out, session.protocol).error(greeting.error().message);
  }
  session.protocol = greeting->protocol;
  if (greeting->name) {
    session.name = std::move(*greeting->name);
  }
  const NodeView view = around.operations.view();
  ReplyWriter reply(out, session.protocol);
  reply.map(7);
  reply.bulk("server");
  reply.bulk("ticketd");
  reply.bulk("version");
  reply.bulk(around.options.version);
  reply.bulk("proto");
  reply.integer(session.protocol == Protocol::kResp3 ? 3 : 2);
  reply.bulk("id");
  reply.number(session.id);
  reply.bulk("mode");
  reply.bulk("cluster");
  reply.bulk("role");
  reply.bulk(view.leader == view.self ? "master" : "replica");
  reply.bulk("modules");
  reply.array(0);
}

void reply_client(Arguments arguments, Session& session, ReplyWriter& reply) {
  struct Subcommand {
    std::string_view name;
    std::size_t arguments;
  };
  static constexpr Subcommand kSubcommands[] = {
      {"SETNAME", 3}, {"SETINFO", 4}, {"GETNAME", 2}, {"ID", 2}};
  const auto found = std::find_if(
      std::begin(kSubcommands), std::end(kSubcommands),
      [&](const Subcommand& known) { return equals_ignoring_case(arguments[1], known.name); });
  if (found == std::end(kSubcommands)) {
    return reply.error(unknown_subcommand(arguments[1]));
  }
  if (arguments.size() != found->arguments) {
    return reply.error(kWrongArguments);
  }
  if (found->name == "SETNAME") {
    return set_name(arguments[2], session, reply);
  }
  if (found->name == "SETINFO") {
    return set_info(arguments, session, reply);
  }
  if (found->name == "ID") {
    return reply.number(session.id);
  }
  session.name.empty() ? reply.null() : reply.bulk(session.name);
}

void reply_select(Arguments arguments, ReplyWriter& reply) {
  const std::string_view index = arguments[1];
  if (index.empty() || index.find_first_not_of("0123456789") != std::string_view::npos) {
    return reply.error("ERR value is not an integer or out of range");
  }
  index == "0" ? reply.ok() : reply.error("ERR DB index is out of range");
}

void reply_time(ReplyWriter& reply) {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  reply.array(2);
  reply.bulk(std::to_string(now.count() / 1'000'000));
  reply.bulk(std::to_string(now.count() % 1'000'000));
}

}  // namespace ticketd::redis
