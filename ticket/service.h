// What front ends may ask. They know this and nothing behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ticket/command.h"

namespace ticketd::ticket {

/// Sequences on one page of a list, at most.
inline constexpr std::size_t kMaxListed = 1'000;
/// Requests that are asked for as one, at most.
inline constexpr std::uint32_t kMaxTimes = 1'024;

// --- What changes a sequence ---------------------------------------------------------------------

struct Request {
  /// Not kRaiseBeginning.
  Kind kind = Kind::kTake;
  /// Empty: the unnamed sequence, whose first number is 1. Not with kRemove.
  std::string sequence{};
  /// As in Operation::values.
  std::uint64_t value = 1;
  /// Idempotency key, see is_key; empty: none. Not with kRemove.
  std::string key{};
  /// So many requests of this kind, one behind the other: what one client asks for in a pipeline
  /// is asked for, queued and answered at once. 1 to kMaxTimes; more than 1 only with kTake without
  /// a key, and not with forward().
  std::uint32_t times = 1;
};

struct Done {
  /// kTake: numbers first, first + 1, ..., first + count - 1 are the caller's alone. kAdvance:
  /// `first` is the last number given now, count is 0. kRemove: `first` was the last number given,
  /// count is 1; count 0: there was no such sequence.
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  /// It was done for an earlier request with the same idempotency key, and not again.
  bool replayed = false;
  /// Of Request::times so many were done, 1 or more: the i-th of them, from 0 on, has the numbers
  /// from first + i * count on. The others were not, because the sequence would pass 2^64 - 1.
  std::uint32_t times = 1;
};

/// Certainly not done: nothing was appended, or it was refused when it was applied, or another
/// entry took its place.
struct NotDone {
  enum class Why {
    /// No leader, or not this node.
    kNoLeader,
    /// Too much is waiting, or the node shuts down.
    kBusy,
    /// Space is below the reserve.
    kNoSpace,
    /// The sequence would pass 2^64 - 1.
    kOverflow,
    /// The sequence would have to go back.
    kBehind,
    /// The idempotency key came before with another request.
    kKeyReused,
    /// No more idempotency keys can be remembered for now.
    kKeysFull,
    /// Not allowed on that node.
    kForbidden,
  };
  Why why = Why::kNoLeader;
  /// One line for the user; says what to do next.
  std::string message;
  /// It is the answer of an earlier request with the same idempotency key.
  bool replayed = false;
};

/// The message of kOverflow.
inline constexpr std::string_view kUsedUp =
    "the sequence would pass 18446744073709551615, nothing was taken";

/// It was appended (or sent to the leader), and whether it was or will be done is not known.
struct Unknown {
  std::string message;
};

using Answer = std::variant<Done, NotDone, Unknown>;

// --- What only reads -----------------------------------------------------------------------------

/// Sequences of one lookup, and bytes of their names together, at most.
inline constexpr std::size_t kMaxLookupNames = 16'384;
inline constexpr std::size_t kMaxLookupBytes = 64 << 10;

/// The last numbers given of these sequences, within the bounds above.
struct Lookup {
  std::vector<std::string> sequences;

  bool operator==(const Lookup&) const = default;
};

/// The named sequences that begin with `prefix` and stand behind `after`, in the order of their
/// bytes.
struct Listing {
  std::string prefix;
  std::string after;
  /// 1 to kMaxListed.
  std::size_t limit = 100;

  bool operator==(const Listing&) const = default;
};

using Query = std::variant<Lookup, Listing>;

struct Found {
  std::string sequence;
  /// None: it was never ticketed or moved. (In a listing there is always one.)
  std::optional<std::uint64_t> last;

  bool operator==(const Found&) const = default;
};

struct QueryResult {
  /// A lookup's in the order asked.
  std::vector<Found> found;
  /// A listing's: there are more behind the last one.
  bool more = false;
  /// The log index whose state this is.
  std::uint64_t applied_index = 0;
};

/// NotDone: ask again.
using QueryAnswer = std::variant<QueryResult, NotDone>;

// --- Where the leader is, as this node knows it --------------------------------------------------

struct LeaderHere {};
struct LeaderThere {
  /// HOST:PORT to be told to clients of the asking front end.
  std::string http_address;
  std::string redis_address;
};
struct NoLeader {};
using LeaderView = std::variant<LeaderHere, LeaderThere, NoLeader>;

/// All calls and all callbacks on the event loop's thread. A callback is called exactly once, also
/// at shutdown; it may be called before the function that took it returns.
class Service {
 public:
  virtual ~Service() = default;

  /// Answers as soon as a leader is known (one heard within one election time-out), and with
  /// NoLeader after one election time-out without. This and the call that follows it answer within
  /// the request time-out together.
  virtual void find_leader(std::function<void(LeaderView)> done) = 0;

  /// At the leader. Answers within the request time-out.
  virtual void change(Request request, std::function<void(Answer)> done) = 0;
  /// At a follower: has the leader do it. Answers within the request time-out.
  virtual void forward(Request request, std::function<void(Answer)> done) = 0;

  /// At the leader: linearizable. Answers within the request time-out.
  virtual void read(Query query, std::function<void(QueryAnswer)> done) = 0;
  /// At a follower: has the leader read. Answers within the request time-out.
  virtual void forward(Query query, std::function<void(QueryAnswer)> done) = 0;
  /// At any node, of what it has applied so far, which may be old.
  virtual void read_stale(Query query, std::function<void(QueryAnswer)> done) = 0;
};

}  // namespace ticketd::ticket
