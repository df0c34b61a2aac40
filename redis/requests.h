// What a request asks of the service or of the node, and is answered later.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

#include "base/result.h"
#include "redis/commands.h"
#include "redis/operations.h"
#include "redis/parser.h"
#include "ticket/service.h"

namespace ticketd::redis {

/// How what was asked is answered, when it can be.
enum class Shape : std::uint8_t {
  /// "+N".
  kSimple,
  /// The first number.
  kNumber,
  /// First and last.
  kRange,
  /// The last number of one sequence, or -1.
  kLast,
};

/// Answered from what this node knows once it knows a leader.
enum class ClusterView : std::uint8_t { kSlots, kShards, kNodes };

struct Asked {
  std::variant<ticket::Request, ticket::Query, ClusterView, AddVoter, RemoveServer> what;
  Shape shape = Shape::kSimple;
};

/// TICKET, TICKET.GET, RAFT.ADDVOTER and RAFT.REMOVESERVER, with as many arguments as the table of
/// commands allows. The error is the reply, with its code.
Result<Asked> understand(Verb verb, Arguments arguments);

/// Bytes that it needs while it waits, and for its answer, at most.
std::size_t bytes_at_most(const Asked& asked);

}  // namespace ticketd::redis
