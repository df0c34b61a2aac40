// What front ends may ask. They know this and nothing behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

namespace ticketd::ticket {

struct TakeRequest {
  /// Empty: the unnamed sequence, whose first number is 1.
  std::string sequence;
  std::uint64_t count = 1;
};

/// Numbers first, first + 1, ..., first + count - 1 are the caller's alone.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// Certainly not done: nothing was appended, or another entry took its place.
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
  };
  Why why = Why::kNoLeader;
  /// One line for the user; says what to do next.
  std::string message;
};

/// It was appended (or sent to the leader), and whether it was or will be done is not known.
struct Unknown {
  std::string message;
};

using TakeAnswer = std::variant<Range, NotDone, Unknown>;

/// Where the leader is, as this node knows it.
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
  virtual void take(TakeRequest request, std::function<void(TakeAnswer)> done) = 0;

  /// At a follower: has the leader do it. Answers within the request time-out.
  virtual void forward(TakeRequest request, std::function<void(TakeAnswer)> done) = 0;
};

}  // namespace ticketd::ticket
