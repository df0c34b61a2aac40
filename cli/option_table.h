// Every option and command there is, in one table: the parser, the rules and the help come from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ticketd::cli {

enum class CommandName : std::uint8_t {
  kRejoin,
  kStart,
  kJoin,
  kLeave,
  kDrop,
  kRecover,
  kNext,
  kGet,
  kList,
  kStatus,
  kRemove,
  kTransfer,
  kBench,
};

enum class OptionKey : std::uint8_t {
  kId,
  kPath,
  kHost,
  kAdvertise,
  kRaftPort,
  kHttpPort,
  kRedisPort,
  kRedisAdmin,
  kDbSize,
  kDurability,
  kElectionTimeout,
  kHeartbeat,
  kRequestTimeout,
  kRedirect,
  kIdempotencyAge,
  kIdempotencyKeys,
  kAllowDelete,
  kDaemonize,
  kPidFile,
  kForce,
  kReplace,
  kYes,
  kForward,
  kPeer,
  kCount,
  kIdempotencyKey,
  kStale,
  kPrefix,
  kAfter,
  kLimit,
  kOutput,
  kHttp,
  kRedis,
  kClients,
  kPipeline,
  kTime,
  kRequests,
  kRate,
  kWarmup,
  kSequence,
  kKeys,
  kCommand,
  kTarget,
  kMethod,
  kBody,
  kExpect,
  kDebug,
  kVersion,
  kHelp,
};
inline constexpr std::size_t kOptionCount = 49;

/// Commands as a set of bits.
using CommandSet = std::uint32_t;
constexpr CommandSet only(CommandName command) { return 1u << static_cast<unsigned>(command); }
inline constexpr CommandSet kEveryCommand = ~CommandSet{0};
inline constexpr CommandSet kNodeCommands =
    only(CommandName::kRejoin) | only(CommandName::kStart) | only(CommandName::kJoin);
inline constexpr CommandSet kClientCommands =
    only(CommandName::kNext) | only(CommandName::kGet) | only(CommandName::kList) |
    only(CommandName::kStatus) | only(CommandName::kRemove) | only(CommandName::kTransfer);

struct OptionRow {
  OptionKey key;
  /// The one-letter form; 0: none.
  char letter;
  /// The long form without its dashes, words joined by '_'.
  const char* name;
  /// What stands for its value in the help; nullptr: a flag.
  const char* value;
  /// The value when it is not given, as the help shows it; nullptr: none.
  const char* fallback;
  /// Where it may stand. The options of a node may stand everywhere, so that one set of them serves
  /// every command; a command that has no use for one leaves it alone.
  CommandSet commands;
  const char* group;
  const char* text;
};

struct CommandRow {
  CommandName name;
  /// As it is typed; empty for no command.
  const char* word;
  /// What must follow it, in brackets what may; empty: nothing may.
  const char* argument;
  const char* text;
  /// Paragraphs and examples for its own help.
  const char* details;
};

/// In the order of OptionKey.
std::span<const OptionRow> option_rows();
/// In the order of CommandName.
std::span<const CommandRow> command_rows();

const OptionRow& row_of(OptionKey key);
const CommandRow& row_of(CommandName name);
/// The row of that long or one-letter name; nullptr: there is none. `name` in canonical form.
const OptionRow* find_option(std::string_view name);
const OptionRow* find_option(char letter);

/// The help of the whole program, and of one command.
std::string help();
std::string help(CommandName command);

}  // namespace ticketd::cli
