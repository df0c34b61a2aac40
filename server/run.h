// A node as a whole: directory, disk, transport, replica, front ends and signals, until it ends.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/durability.h"
#include "http/options.h"
#include "raft/types.h"

namespace ticketd::server {

/// Exit codes of the process.
inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitRemoved = 3;

struct NodeOptions {
  /// Data directory.
  std::string path = "store";
  /// Where the listeners bind; a name or an address.
  std::string host = "127.0.0.1";
  /// What peers and redirects are told; empty: `host`.
  std::string advertise;
  std::uint16_t raft_port = 9000;
  std::uint16_t http_port = 8000;
  /// None: the Redis protocol is not spoken.
  std::optional<std::uint16_t> redis_port;
  /// Redis clients that do not come from this machine may change the cluster, too.
  bool redis_admin = false;
  std::uint64_t map_bytes = 1000ull << 20;
  Durability durability = Durability::kHigh;
  /// Upper end of the random election time-out; its lower end is half of it.
  raft::Micros election_timeout = 500'000;
  raft::Micros heartbeat = 50'000;
  raft::Micros request_timeout = 5'000'000;
  /// For "/", and for "/seq".
  http::RedirectMode redirect = http::RedirectMode::k301;
  http::RedirectMode redirect_sequences = http::RedirectMode::kProxy;
  /// Sequences may be deleted, by front ends and over the peer port.
  bool allow_delete = false;
  /// An idempotency key is remembered at least so long.
  raft::Micros idempotency_age = 3'600'000'000;
  /// Idempotency keys remembered at most.
  std::uint64_t idempotency_keys = 1'000'000;
};

/// How the node comes to its membership.
struct Begin {
  enum class How { kRejoin, kStart, kJoin };
  How how = How::kRejoin;
  /// kStart, kJoin.
  raft::NodeId node;
  /// kJoin: the peer address of any member.
  std::string contact;
  /// kJoin: take over the id of a member that lost its data.
  bool replace = false;
  /// kStart, kJoin: destroy what the directory holds first.
  bool force = false;
};

/// Runs a node until a signal, its removal, or an error. Writes its log to stderr. `serving` is
/// called once, when the node serves (kJoin: when it is a voter). Returns the exit code.
int run_node(const NodeOptions& options, const Begin& begin, std::function<void()> serving);

}  // namespace ticketd::server
