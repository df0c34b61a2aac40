// What a server's bytes say, whatever protocol they came in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "load/work.h"

namespace ticketd::load {

/// What became of one request.
enum class Outcome : std::uint8_t {
  kDone,
  /// Nothing was done: the leader is elsewhere, and the reply says where.
  kMoved,
  /// Nothing was done: there is no leader.
  kNoLeader,
  /// Nothing was done, for another reason.
  kRefused,
  /// It may have been done, or not; the server says so.
  kUnknown,
  /// An answer that is none to this request.
  kUnexpected,
  /// It may have been done, or not: the connection broke before the answer.
  kBroken,
  /// The same: the answer did not come in time.
  kTimedOut,
};
inline constexpr std::size_t kOutcomes = 8;
/// As JSON and tables name them, in the order of Outcome.
inline constexpr std::array<const char*, kOutcomes> kOutcomeNames{
    "done", "moved", "no_leader", "refused", "unknown", "unexpected", "broken", "timed_out"};

struct Reply {
  Outcome outcome = Outcome::kUnexpected;
  /// The tickets, when the work is to take some and it is done.
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  /// HOST:PORT, with kMoved.
  std::string_view leader{};
  /// What came, for people, when it is not done.
  std::string_view text{};
  /// The server ends the connection behind this reply.
  bool close = false;
  /// How many bytes the reply has.
  std::size_t bytes = 0;
};

enum class Parsed : std::uint8_t { kReply, kNeedMore, kMalformed };

/// A reply has at most that many bytes.
inline constexpr std::size_t kReplyBytesMax = 1 << 20;

/// The reply at the beginning of `input`, judged by what was asked for. Its views point into
/// `input`. Nothing is kept between calls: who needs more calls again with the same bytes and those
/// behind them. kMalformed: no reply of that protocol begins so, or it is longer than
/// kReplyBytesMax.
Parsed parse_reply(const Work& work, std::string_view input, Reply& reply);

/// The protocols' own halves of it.
Parsed parse_http_reply(const Work& work, std::string_view input, Reply& reply);
Parsed parse_redis_reply(const Work& work, std::string_view input, Reply& reply);

}  // namespace ticketd::load
