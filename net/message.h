// Everything that is said on the peer port, as typed values. The bytes are in docs/protocol.md and
// net/codec.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/durability.h"
#include "raft/configuration.h"
#include "raft/message.h"
#include "raft/ready.h"
#include "ticket/service.h"

namespace ticketd::net {

inline constexpr std::uint8_t kProtocolVersion = 2;

// --- Handshake ----------------------------------------------------------------------------------

enum class Lane : std::uint8_t {
  /// Raft messages, status, requests.
  kControl = 0,
  /// Snapshot chunks, so that they never delay a heartbeat.
  kBulk = 1,
};

/// First frame of a member that dials a member.
struct Hello {
  std::uint64_t cluster_id = 0;
  raft::MemberId from;
  /// Whom the dialer believes to reach.
  raft::MemberId to;
  Lane lane = Lane::kControl;
  /// The dialer's own, as it announces them.
  raft::Addresses addresses;
  /// ticket::kCommandVersion of the dialer's build.
  std::uint32_t command_version = 0;
  /// Index of the newest configuration that the dialer knows committed.
  raft::Index configuration_index;

  bool operator==(const Hello&) const = default;
};

/// First frame of a client (the command line, or a member that forwards a request).
struct ClientHello {
  bool operator==(const ClientHello&) const = default;
};

/// The listener's answer to Hello and ClientHello.
struct Welcome {
  std::uint64_t cluster_id = 0;
  raft::MemberId self;
  std::uint32_t command_version = 0;
  raft::Index configuration_index;

  bool operator==(const Welcome&) const = default;
};

/// The listener's other answer; it closes afterwards.
struct Refused {
  enum class Reason : std::uint8_t {
    kWrongCluster = 1,
    /// `Hello::to` is not the member that listens here.
    kWrongMember = 2,
    /// The dialer is not in the committed configuration, which is newer than its admission.
    kRemoved = 3,
    kUnknownMember = 4,
    kStarting = 5,
    kTooManyConnections = 6,
  };
  Reason reason = Reason::kUnknownMember;
  std::uint64_t cluster_id = 0;
  /// Index of the newest configuration that the listener knows committed.
  raft::Index configuration_index;
  std::string message;

  bool operator==(const Refused&) const = default;
};

// --- Between members, besides raft::Message -----------------------------------------------------

/// Sent to every member a few times a second.
struct MemberStatus {
  raft::Index applied_index;
  std::uint64_t digest = 0;
  std::uint64_t sequences = 0;
  std::uint64_t free_bytes = 0;
  bool space_low = false;
  std::uint32_t command_version = 0;
  Durability durability = Durability::kHigh;
  /// The sender's own. So who missed its last greeting, or heard an older one after it, finds it.
  raft::Addresses addresses{};

  bool operator==(const MemberStatus&) const = default;
};

// --- Requests: answered by the leader, or by any member where said -------------------------------

/// Changes a sequence (see ticket::Request). Never passed on: a member that does not lead answers
/// kNotLeader.
struct ChangeCall {
  ticket::Kind kind = ticket::Kind::kTake;
  std::string sequence;
  std::uint64_t value = 1;
  /// Idempotency key, empty: none.
  std::string key;
  /// How long the caller waits, in microseconds.
  std::uint64_t timeout_us = 0;

  bool operator==(const ChangeCall&) const = default;
};

/// Reads sequences (see ticket::Query): linearizable, at the leader only; or stale, at any member.
struct QueryCall {
  ticket::Query query;
  bool stale = false;
  /// How long the caller waits, in microseconds.
  std::uint64_t timeout_us = 0;

  bool operator==(const QueryCall&) const = default;
};

/// Any member answers for itself.
struct StatusCall {
  bool operator==(const StatusCall&) const = default;
};

/// The committed configuration by a linearizable read.
struct MembersCall {
  bool operator==(const MembersCall&) const = default;
};

/// Admits a node (see raft::Node::add_learner).
struct JoinCall {
  raft::NodeId node;
  std::uint64_t join_token = 0;
  bool replace = false;
  raft::Addresses addresses;
  std::uint32_t command_version = 0;

  bool operator==(const JoinCall&) const = default;
};

/// Removes a member. Without an incarnation: the newest one of that node.
struct RemoveCall {
  raft::NodeId node;
  std::optional<raft::Incarnation> incarnation;

  bool operator==(const RemoveCall&) const = default;
};

struct TransferCall {
  std::optional<raft::NodeId> target;

  bool operator==(const TransferCall&) const = default;
};

/// Asks this very node to leave the cluster and destroy its data.
struct LeaveCall {
  bool operator==(const LeaveCall&) const = default;
};

using Call = std::variant<ChangeCall, QueryCall, StatusCall, MembersCall, JoinCall, RemoveCall,
                          TransferCall, LeaveCall>;

// --- Answers -------------------------------------------------------------------------------------

/// See ticket::Done.
struct ChangeReply {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  bool replayed = false;

  bool operator==(const ChangeReply&) const = default;
};

/// See ticket::QueryResult.
struct QueryReply {
  raft::Index applied_index;
  std::vector<ticket::Found> found;
  bool more = false;

  bool operator==(const QueryReply&) const = default;
};

/// One member as the answering node sees it.
struct MemberView {
  raft::Member member;
  /// Leader only: what it knows of that follower; for itself its own.
  std::optional<raft::Index> match_index;
  /// Microseconds since it was last heard by the answering node.
  std::optional<std::uint64_t> last_heard_us;
  std::optional<MemberStatus> status;

  bool operator==(const MemberView&) const = default;
};

struct StatusReply {
  std::uint64_t cluster_id = 0;
  raft::MemberId self;
  raft::Role role = raft::Role::kFollower;
  raft::Term term;
  std::optional<raft::MemberId> leader;
  raft::Index commit_index;
  raft::Index applied_index;
  raft::Index last_index;
  raft::Index compacted_index;
  raft::Index configuration_index;
  std::uint64_t digest = 0;
  std::uint64_t sequences = 0;
  /// Idempotency keys remembered.
  std::uint64_t keys = 0;
  /// Of ticket::Summary.
  std::uint64_t beginning = 0;
  std::uint64_t map_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  bool space_low = false;
  std::uint64_t journal_flushes = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t checkpoint_bytes = 0;
  std::uint64_t last_checkpoint_bytes = 0;
  std::uint64_t snapshots_made = 0;
  std::uint64_t snapshots_installed = 0;
  std::string version;
  std::vector<MemberView> members;

  bool operator==(const StatusReply&) const = default;
};

struct MembersReply {
  raft::ConfigurationAt configuration;

  bool operator==(const MembersReply&) const = default;
};

struct JoinReply {
  std::uint64_t cluster_id = 0;
  raft::MemberId self;
  raft::ConfigurationAt configuration;

  bool operator==(const JoinReply&) const = default;
};

struct DoneReply {
  std::string message;

  bool operator==(const DoneReply&) const = default;
};

struct ErrorReply {
  enum class Code : std::uint8_t {
    /// Ask the leader at `leader_peer_address`; nothing was done here.
    kNotLeader = 1,
    /// No leader is known; nothing was done.
    kNoLeader = 2,
    /// Refused for the reason in `message`; nothing was done, and asking again will not help.
    kRefused = 3,
    /// Refused for now; nothing was done, ask again.
    kBusy = 4,
    kNoSpace = 5,
    kOverflow = 6,
    /// It may have been done, or not.
    kUnknown = 7,
    /// The sequence would have to go back; nothing was done.
    kBehind = 8,
    /// The idempotency key came before with another request; nothing was done.
    kKeyReused = 9,
    /// No more idempotency keys can be remembered for now; nothing was done.
    kKeysFull = 10,
    /// Not allowed on this member; nothing was done.
    kForbidden = 11,
  };
  Code code = Code::kRefused;
  std::string message;
  std::string leader_peer_address;
  /// kOverflow, kBehind: the answer of an earlier request with the same idempotency key.
  bool replayed = false;

  bool operator==(const ErrorReply&) const = default;
};

using Reply = std::variant<ChangeReply, QueryReply, StatusReply, MembersReply, JoinReply, DoneReply,
                           ErrorReply>;

struct Request {
  /// Chosen by the caller, answered in the same number on the same connection.
  std::uint64_t id = 0;
  Call call;

  bool operator==(const Request&) const = default;
};

struct Response {
  std::uint64_t id = 0;
  Reply reply;

  bool operator==(const Response&) const = default;
};

/// A raft message on the wire: who sends it and to whom was said in the handshake.
using Frame = std::variant<Hello, ClientHello, Welcome, Refused, raft::Message, MemberStatus,
                           Request, Response>;

}  // namespace ticketd::net
