// What RAFT.*, CLUSTER and INFO ask of the node besides its tickets. Front ends know this and
// nothing behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ticketd::redis {

struct MemberId {
  std::uint64_t node = 0;
  std::uint64_t incarnation = 0;

  bool operator==(const MemberId&) const = default;
};

struct Member {
  MemberId id;
  bool voter = false;
  /// False: the node that tells this leads, and has not heard that member for an election time-out.
  bool alive = true;
  /// HOST:PORT. `redis` is empty when the member does not speak this protocol.
  std::string peer;
  std::string redis;
  /// As it last told this node.
  std::uint64_t applied_index = 0;
};

/// A node as it sees itself and its cluster.
struct NodeView {
  std::uint64_t cluster_id = 0;
  std::uint64_t term = 0;
  MemberId self;
  /// Heard within one election time-out.
  std::optional<MemberId> leader;
  /// In the order of their ids.
  std::vector<Member> members;
  /// What RAFT.STATS tells, by its names.
  std::map<std::string, std::string> stats;

  const Member* find(MemberId id) const;
  /// The leader, if it is known and a member.
  const Member* leading() const { return leader ? find(*leader) : nullptr; }
};

/// The learner at `address` is to be a voter.
struct AddVoter {
  std::uint64_t node = 0;
  /// Its peer address, HOST:PORT.
  std::string address;
  /// The log index at which the configuration must stand; 0: any.
  std::uint64_t previous_index = 0;
};

/// A member is to go.
struct RemoveServer {
  std::uint64_t node = 0;
  /// The peer address that it must have; empty: any.
  std::string address;
  /// As above.
  std::uint64_t previous_index = 0;
};

struct Outcome {
  enum class Kind {
    kDone,
    /// Asking again will not help.
    kRefused,
    /// Nothing was done; ask again.
    kBusy,
    /// Nothing was done: this node does not lead any more.
    kNoLeader,
    /// It may have been done.
    kUnknown,
  };
  Kind kind = Kind::kDone;
  /// One line for the user, but with kDone.
  std::string message;
};

/// All calls and callbacks on the event loop's thread. A callback is called exactly once, also at
/// shutdown, within the time of a request or two; it may be called before the function that took it
/// returns.
class Operations {
 public:
  using Done = std::function<void(Outcome)>;
  virtual ~Operations() = default;

  virtual NodeView view() = 0;
  /// At the leader.
  virtual void add_voter(AddVoter call, Done done) = 0;
  virtual void remove_server(RemoveServer call, Done done) = 0;
  /// At any node: makes a snapshot of what it has applied. kRefused: the newest one holds it.
  virtual void make_snapshot(Done done) = 0;
};

}  // namespace ticketd::redis
