// Every command there is, in one table: what is understood, refused and told by COMMAND comes from
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ticketd::redis {

enum class Verb : std::uint8_t {
  kTicket,
  kTicketGet,
  kPing,
  kEcho,
  kQuit,
  kHello,
  kAuth,
  kInfo,
  kCommand,
  kClient,
  kConfig,
  kSelect,
  kReadOnly,
  kReadWrite,
  kTime,
  kCluster,
  kRaftLeader,
  kRaftStats,
  kRaftLastContact,
  kRaftConfiguration,
  kRaftAddVoter,
  kRaftRemoveServer,
  kRaftSnapshot,
};

struct Command {
  Verb verb = Verb::kTicket;
  /// In capitals.
  std::string_view name;
  /// Arguments, the name included.
  std::size_t least = 1;
  std::size_t most = 1;
  /// As COMMAND tells them, with spaces between.
  std::string_view flags;
  /// The place of its only key; 0: it has none.
  std::size_t key = 0;
  /// Changes the cluster: for clients on this machine, and for others where that is allowed.
  bool admin = false;
};

/// In no order that matters, but that the first is found first.
std::span<const Command> commands();

/// Whatever case it is written in; nullptr: there is none.
const Command* find_command(std::string_view name);

/// ASCII alone is folded.
bool equals_ignoring_case(std::string_view text, std::string_view capitals);

}  // namespace ticketd::redis
