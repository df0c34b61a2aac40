// The command line as typed values. Nothing here starts a process, opens a file or prints.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "load/options.h"
#include "raft/types.h"
#include "server/run.h"
#include "ticket/command.h"

namespace ticketd::cli {

/// Runs a node: `start`, `join`, or no command (rejoin).
struct RunCommand {
  server::NodeOptions node;
  server::Begin begin;
  bool daemonize = false;
  /// Empty: none.
  std::string pid_file;
};

/// The data directory of a command that works on it.
struct Directory {
  std::string path;
  std::uint64_t map_bytes = 0;
};

struct LeaveCommand {
  Directory directory;
  std::chrono::milliseconds timeout{};
};

struct RecoverCommand {
  Directory directory;
  std::uint64_t forward = 0;
  bool yes = false;
};

struct DropCommand {
  std::string path;
  bool yes = false;
};

/// Whom a client command asks.
struct Target {
  /// As given by --peer, each HOST:PORT. Empty: what `directory` tells, else this machine's node at
  /// `raft_port`.
  std::vector<std::string> peers;
  Directory directory;
  std::uint16_t raft_port = 0;
  std::chrono::milliseconds timeout{};
};

struct NextCommand {
  Target target;
  std::uint64_t count = 1;
  /// Empty: the unnamed sequence.
  std::string sequence;
  /// Empty: none.
  std::string idempotency_key;
};

struct GetCommand {
  Target target;
  /// Empty: the unnamed sequence.
  std::string sequence;
  bool stale = false;
};

struct ListCommand {
  Target target;
  std::string prefix;
  std::string after;
  /// None: all there are.
  std::optional<std::uint64_t> limit;
  bool json = false;
};

struct StatusCommand {
  Target target;
  bool json = false;
};

struct RemoveCommand {
  Target target;
  raft::NodeId node;
};

struct TransferCommand {
  Target target;
  raft::NodeId node;
};

struct BenchCommand {
  /// Without `stop`.
  load::Options load;
  bool json = false;
};

struct HelpCommand {
  std::string text;
};

struct VersionCommand {};

using Command =
    std::variant<RunCommand, LeaveCommand, DropCommand, RecoverCommand, NextCommand, GetCommand,
                 ListCommand, StatusCommand, RemoveCommand, TransferCommand, BenchCommand,
                 HelpCommand, VersionCommand>;

struct Invocation {
  bool debug = false;
  Command command;
};

inline constexpr std::uint64_t kDbSizeMegabytesMin = 10;
/// A tebibyte: more than that is a slip of the finger.
inline constexpr std::uint64_t kDbSizeMegabytesMax = 1 << 20;
inline constexpr std::uint64_t kElectionTimeoutMsMin = 10;
inline constexpr std::uint64_t kElectionTimeoutMsMax = 600'000;
inline constexpr std::uint64_t kRequestTimeoutMsMin = 10;
inline constexpr std::uint64_t kRequestTimeoutMsMax = 3'600'000;
inline constexpr std::uint64_t kCountMax = ticket::kMaxCount;
inline constexpr std::uint64_t kIdempotencyKeysMax = 100'000'000;
/// A day: more than that is no measurement.
inline constexpr std::uint64_t kBenchSecondsMax = 86'400;
inline constexpr std::uint64_t kBenchRequestsMax = 1'000'000'000'000;

/// `arguments` without the program's name. The error is a usage error, in words for its author.
Result<Invocation> parse_arguments(const std::vector<std::string>& arguments);

/// `arguments` with the names of long options in canonical form: '_' for '-'. Values stay as they
/// are, those that look like options too. An unknown option, or one whose value is missing, is an
/// error.
Result<std::vector<std::string>> normalise(const std::vector<std::string>& arguments);

}  // namespace ticketd::cli
