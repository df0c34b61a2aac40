// What members say to each other. Typed values only: bytes are decoded in net/, at the door.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/types.h"

namespace ticketd::raft {

/// RequestVote (Raft 5.2, 5.4.1), and its rehearsal PreVote (thesis 9.6) which changes no state.
struct VoteRequest {
  /// PreVote: the term the candidate would campaign in.
  Term term;
  Index last_log_index;
  Term last_log_term;
  bool pre_vote = false;
  /// The leader asked for this election: a voter that hears a live leader answers all the same.
  bool leadership_transfer = false;

  bool operator==(const VoteRequest&) const = default;
};

struct VoteResponse {
  /// Granted PreVote: the term asked for. Otherwise the voter's current term.
  Term term;
  bool pre_vote = false;
  bool granted = false;

  bool operator==(const VoteResponse&) const = default;
};

/// AppendEntries with entries, or without as a probe of the follower's log (Raft 5.3).
struct AppendRequest {
  Term term;
  Index prev_log_index;
  Term prev_log_term;
  Index commit_index;
  Entries entries;

  bool operator==(const AppendRequest&) const = default;
};

struct AppendResponse {
  Term term;
  bool success = false;
  /// Success: the last index known equal to the leader's log, durable on the follower.
  /// Refusal: the prev_log_index that was refused.
  Index index;
  /// Refusal: the follower has `conflict_term` up to and including `conflict_index`; the leader
  /// goes on at its own last entry of a term not above it (Raft 5.3, end).
  Index conflict_index;
  Term conflict_term;

  bool operator==(const AppendResponse&) const = default;
};

/// Says that the leader lives, and carries the number of the newest read round: an answer confirms
/// leadership for the rounds up to that number and for no later one (thesis 6.4).
struct HeartbeatRequest {
  Term term;
  /// Not above what the follower is known to hold.
  Index commit_index;
  std::uint64_t round = 0;

  bool operator==(const HeartbeatRequest&) const = default;
};

struct HeartbeatResponse {
  Term term;
  std::uint64_t round = 0;

  bool operator==(const HeartbeatResponse&) const = default;
};

/// Names a snapshot: everything up to and including (index, term).
struct SnapshotMark {
  Index index;
  Term term;

  auto operator<=>(const SnapshotMark&) const = default;
};

/// A piece of a snapshot file.
struct SnapshotChunk {
  SnapshotMark mark;
  /// Distinguishes two files made for one mark by different members: a receiver never mixes them.
  std::uint64_t file_id = 0;
  /// Size of the whole file in bytes.
  std::uint64_t total_bytes = 0;
  std::uint64_t offset = 0;
  Payload data;

  bool last() const { return offset + data.size() == total_bytes; }
  bool operator==(const SnapshotChunk&) const = default;
};

/// InstallSnapshot (Raft 7), one chunk.
struct SnapshotRequest {
  Term term;
  SnapshotChunk chunk;

  bool operator==(const SnapshotRequest&) const = default;
};

struct SnapshotResponse {
  Term term;
  SnapshotMark mark;
  std::uint64_t file_id = 0;
  /// Where the receiver wants the next chunk: it alone knows what it holds, also after a restart.
  std::uint64_t next_offset = 0;
  /// The snapshot is in force on the receiver, durably.
  bool installed = false;

  bool operator==(const SnapshotResponse&) const = default;
};

/// Sent by a leader that hands over (thesis 3.10): campaign at once.
struct TimeoutNowRequest {
  Term term;

  bool operator==(const TimeoutNowRequest&) const = default;
};

using Message =
    std::variant<VoteRequest, VoteResponse, AppendRequest, AppendResponse, HeartbeatRequest,
                 HeartbeatResponse, SnapshotRequest, SnapshotResponse, TimeoutNowRequest>;

/// The term that every message carries.
Term term_of(const Message& message);

struct Envelope {
  MemberId from;
  MemberId to;
  Message message;

  bool operator==(const Envelope&) const = default;
};

}  // namespace ticketd::raft
