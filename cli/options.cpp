#include "cli/options.h"

#include <limits>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "cli/option_values.h"
#include "cli/values.h"

namespace ticketd::cli {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

Directory directory(Values& values) {
  return {values.text(OptionKey::kPath),
          values.number(OptionKey::kDbSize, kDbSizeMegabytesMin, kDbSizeMegabytesMax) << 20};
}

std::chrono::seconds idempotency_age(Values& values) {
  return values.parsed(OptionKey::kIdempotencyAge,
                       parse_duration(values.text(OptionKey::kIdempotencyAge)));
}

server::NodeOptions node_options(const Given& given, Values& values) {
  server::NodeOptions node;
  const Directory data = directory(values);
  node.path = data.path;
  node.map_bytes = data.map_bytes;
  node.durability = values.parsed(OptionKey::kDurability,
                                  parse_durability(values.text(OptionKey::kDurability)));
  node.host = values.parsed(OptionKey::kHost, parse_host(values.text(OptionKey::kHost)));
  if (given.has(OptionKey::kAdvertise)) {
    node.advertise =
        values.parsed(OptionKey::kAdvertise, parse_host(values.text(OptionKey::kAdvertise)));
  }
  node.raft_port = values.port(OptionKey::kRaftPort);
  node.http_port = values.port(OptionKey::kHttpPort);
  if (given.has(OptionKey::kRedisPort)) {
    node.redis_port = values.port(OptionKey::kRedisPort);
  }
  node.redis_admin = given.flag(OptionKey::kRedisAdmin);
  node.election_timeout = 1000 * values.number(OptionKey::kElectionTimeout, kElectionTimeoutMsMin,
                                               kElectionTimeoutMsMax);
  node.heartbeat = 1000 * values.number(OptionKey::kHeartbeat, 1, kElectionTimeoutMsMax / 2);
  node.request_timeout = 1000 * static_cast<raft::Micros>(values.timeout().count());
  if (given.has(OptionKey::kRedirect)) {
    node.redirect = node.redirect_sequences =
        values.parsed(OptionKey::kRedirect, parse_redirect(values.text(OptionKey::kRedirect)));
  }
  node.idempotency_age = 1'000'000 * static_cast<raft::Micros>(idempotency_age(values).count());
  node.idempotency_keys = values.number(OptionKey::kIdempotencyKeys, 0, kIdempotencyKeysMax);
  node.allow_delete = given.flag(OptionKey::kAllowDelete);
  return node;
}

void check_ports(const server::NodeOptions& node, Values& values) {
  const std::pair<const char*, std::uint16_t> ports[] = {
      {"raft_port", node.raft_port},
      {"http_port", node.http_port},
      {"redis_port", node.redis_port.value_or(0)}};
  for (const auto& [name, port] : ports) {
    for (const auto& [other, same] : ports) {
      if (port != 0 && port == same && std::string_view(name) != other) {
        return values.wrong("--" + std::string(name) + " and --" + other + " are both " +
                            std::to_string(port));
      }
    }
  }
  if (node.redis_admin && !node.redis_port) {
    values.wrong("--redis_admin is of no use without --redis_port");
  }
}

/// What has to fit together once every option is right by itself.
void check_together(const server::NodeOptions& node, Values& values) {
  if (values.fault()) {
    return;
  }
  if (node.heartbeat * 3 > node.election_timeout) {
    values.wrong("--heartbeat must be at most a third of --election_timeout: " +
                 std::to_string(node.heartbeat / 1000) + " ms is more than a third of " +
                 std::to_string(node.election_timeout / 1000) + " ms");
  }
  check_ports(node, values);
  if (is_any_address(node.advertise)) {
    values.wrong("--advertise: nobody can reach " + node.advertise +
                 "; name the host as peers and clients reach it");
  }
}

Command run_command(const Given& given, Values& values) {
  RunCommand command;
  command.node = node_options(given, values);
  check_together(command.node, values);
  command.daemonize = given.flag(OptionKey::kDaemonize);
  command.pid_file = values.text(OptionKey::kPidFile);
  if (given.command == CommandName::kRejoin) {
    return command;
  }
  const bool joins = given.command == CommandName::kJoin;
  server::Begin& begin = command.begin;
  begin.how = joins ? server::Begin::How::kJoin : server::Begin::How::kStart;
  begin.replace = given.flag(OptionKey::kReplace);
  begin.force = given.flag(OptionKey::kForce);
  if (joins) {
    if (!given.argument || given.argument->empty()) {
      values.wrong("join needs the peer address of any member: ticketd join HOST:PORT --id ID");
    } else if (const auto contact = parse_peer(*given.argument)) {
      begin.contact = *contact;
    } else {
      values.wrong("join: " + contact.error().message);
    }
  }
  if (given.has(OptionKey::kId)) {
    begin.node = raft::NodeId(values.number(OptionKey::kId, 0, kMost));
  } else {
    values.wrong(std::string(row_of(given.command).word) +
                 " needs --id ID: a number that no other node of the cluster has");
  }
  return command;
}

Target target(const Given& given, Values& values) {
  Target target;
  for (const std::string& text : given.all(OptionKey::kPeer)) {
    for (std::string& peer : values.parsed(OptionKey::kPeer, parse_peers(text))) {
      target.peers.push_back(std::move(peer));
    }
  }
  target.directory = directory(values);
  target.raft_port = values.port(OptionKey::kRaftPort);
  target.timeout = values.timeout();
  return target;
}

raft::NodeId node_argument(const Given& given, Values& values) {
  const std::string word = row_of(given.command).word;
  if (!given.argument || given.argument->empty()) {
    values.wrong(word + " needs the id of a member: ticketd " + word + " ID");
    return {};
  }
  const auto id = parse_number(*given.argument, 0, kMost);
  if (!id) {
    values.wrong(word + ": the id " + id.error().message);
    return {};
  }
  return raft::NodeId(*id);
}

/// The name of a sequence; empty: the unnamed one. An argument that is there and empty is a
/// variable of a script that was never set.
std::string sequence_argument(const Given& given, Values& values) {
  const std::string name = given.argument.value_or("");
  if (given.argument && (name.empty() || name.size() > ticket::kMaxNameBytes)) {
    values.wrong(std::string(row_of(given.command).word) + ": a KEY is 1 to " +
                 std::to_string(ticket::kMaxNameBytes) + " bytes long, and this one is " +
                 std::to_string(name.size()));
  }
  return name;
}

Command next_command(const Given& given, Values& values) {
  NextCommand command;
  command.target = target(given, values);
  command.count = values.number(OptionKey::kCount, 1, kCountMax);
  command.sequence = sequence_argument(given, values);
  command.idempotency_key = values.text(OptionKey::kIdempotencyKey);
  if (given.has(OptionKey::kIdempotencyKey) && !ticket::is_key(command.idempotency_key)) {
    values.wrong("--idempotency_key: must be 1 to " + std::to_string(ticket::kMaxKeyBytes) +
                 " visible ASCII characters");
  }
  return command;
}

/// A name, or the beginning of one.
std::string part_of_name(OptionKey key, Values& values) {
  std::string text = values.text(key);
  if (text.size() > ticket::kMaxNameBytes) {
    values.wrong("--" + std::string(row_of(key).name) + ": is longer than the " +
                 std::to_string(ticket::kMaxNameBytes) + " bytes that a key may have");
  }
  return text;
}

Command list_command(const Given& given, Values& values) {
  ListCommand command;
  command.target = target(given, values);
  command.prefix = part_of_name(OptionKey::kPrefix, values);
  command.after = part_of_name(OptionKey::kAfter, values);
  if (given.has(OptionKey::kLimit)) {
    command.limit = values.number(OptionKey::kLimit, 1, kMost);
  }
  command.json = values.is_json();
  return command;
}

Command command_of(const Given& given, Values& values) {
  switch (given.command) {
    case CommandName::kRejoin:
    case CommandName::kStart:
    case CommandName::kJoin:
      return run_command(given, values);
    case CommandName::kLeave:
      return LeaveCommand{directory(values), values.timeout()};
    case CommandName::kDrop:
      return DropCommand{values.text(OptionKey::kPath), given.flag(OptionKey::kYes)};
    case CommandName::kRecover:
      return RecoverCommand{directory(values), values.number(OptionKey::kForward, 0, kMost),
                            given.flag(OptionKey::kYes)};
    case CommandName::kNext:
      return next_command(given, values);
    case CommandName::kGet:
      return GetCommand{target(given, values), sequence_argument(given, values),
                        given.flag(OptionKey::kStale)};
    case CommandName::kList:
      return list_command(given, values);
    case CommandName::kStatus:
      return StatusCommand{target(given, values), values.is_json()};
    case CommandName::kRemove:
      return RemoveCommand{target(given, values), node_argument(given, values)};
    case CommandName::kTransfer:
      return TransferCommand{target(given, values), node_argument(given, values)};
    case CommandName::kBench:
      return bench_command(given, values);
  }
  UNREACHABLE("all commands are named");
}

}  // namespace

Result<Invocation> parse_arguments(const std::vector<std::string>& arguments) {
  const Result<Given> given = sort_arguments(arguments);
  if (!given) {
    return given.error();
  }
  const bool debug = given->flag(OptionKey::kDebug);
  if (given->flag(OptionKey::kHelp)) {
    const bool whole = given->command == CommandName::kRejoin;
    return Invocation{debug, HelpCommand{whole ? help() : help(given->command)}};
  }
  if (given->flag(OptionKey::kVersion)) {
    return Invocation{debug, VersionCommand{}};
  }
  Values values(*given);
  Invocation invocation{debug, command_of(*given, values)};
  // Options that a command has no use for must be right all the same: a slip in a shared set shows.
  if (!values.fault() && !std::holds_alternative<RunCommand>(invocation.command)) {
    node_options(*given, values);
  }
  if (values.fault()) {
    return *values.fault();
  }
  return invocation;
}

}  // namespace ticketd::cli
