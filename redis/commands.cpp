#include "redis/commands.h"

#include <algorithm>
#include <array>
#include <limits>

namespace ticketd::redis {

namespace {

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

constexpr std::array<Command, 23> kCommands{{
    {Verb::kTicket, "TICKET", 1, 6, "write denyoom fast", 1},
    {Verb::kTicketGet, "TICKET.GET", 2, 2, "readonly fast", 1},
    {Verb::kPing, "PING", 1, 2, "fast"},
    {Verb::kEcho, "ECHO", 2, 2, "fast"},
    {Verb::kQuit, "QUIT", 1, kAny, "noscript loading stale fast no_auth"},
    {Verb::kHello, "HELLO", 1, kAny, "noscript loading stale fast no_auth"},
    {Verb::kAuth, "AUTH", 2, 3, "noscript loading stale fast no_auth"},
    {Verb::kInfo, "INFO", 1, kAny, "loading stale"},
    {Verb::kCommand, "COMMAND", 1, kAny, "loading stale"},
    {Verb::kClient, "CLIENT", 2, kAny, "noscript loading stale"},
    {Verb::kConfig, "CONFIG", 2, kAny, "admin noscript loading stale"},
    {Verb::kSelect, "SELECT", 2, 2, "loading stale fast"},
    {Verb::kReadOnly, "READONLY", 1, 1, "loading stale fast"},
    {Verb::kReadWrite, "READWRITE", 1, 1, "loading stale fast"},
    {Verb::kTime, "TIME", 1, 1, "loading stale fast"},
    {Verb::kCluster, "CLUSTER", 2, kAny, "loading stale"},
    {Verb::kRaftLeader, "RAFT.LEADER", 1, 1, "loading stale fast"},
    {Verb::kRaftStats, "RAFT.STATS", 1, 1, "loading stale"},
    {Verb::kRaftLastContact, "RAFT.LASTCONTACT", 1, 1, "loading stale fast"},
    {Verb::kRaftConfiguration, "RAFT.CONFIGURATION", 1, 1, "loading stale"},
    {Verb::kRaftAddVoter, "RAFT.ADDVOTER", 3, 4, "admin noscript", 0, true},
    {Verb::kRaftRemoveServer, "RAFT.REMOVESERVER", 2, 4, "admin noscript", 0, true},
    {Verb::kRaftSnapshot, "RAFT.SNAPSHOT", 1, 1, "admin noscript", 0, true},
}};

char capital(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  const auto found = std::find_if(kCommands.begin(), kCommands.end(), [&](const Command& command) {
    return equals_ignoring_case(name, command.name);
  });
  return found == kCommands.end() ? nullptr : &*found;
}

bool equals_ignoring_case(std::string_view text, std::string_view capitals) {
  return text.size() == capitals.size() &&
         std::equal(text.begin(), text.end(), capitals.begin(),
                    [](char a, char b) { return capital(a) == b; });
}

}  // namespace ticketd::redis
