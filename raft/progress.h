// What a leader knows of one follower.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "raft/message.h"

namespace ticketd::raft {

enum class ReplicationState : std::uint8_t {
  /// The leader looks for where the logs agree: one request at a time.
  kProbe,
  /// Requests are pipelined up to the window.
  kReplicate,
  /// The follower receives a snapshot; no entries are sent.
  kSnapshot,
};

const char* to_string(ReplicationState state);

/// A snapshot on its way to one follower, one chunk at a time: read by the owner, then sent, then
/// answered by the follower, which alone says where to go on.
struct SnapshotSending {
  /// None until the owner has answered with the first chunk.
  std::optional<SnapshotMark> mark;
  std::uint64_t file_id = 0;
  std::uint64_t total_bytes = 0;
  /// Where the chunk begins that is being read, or that is out.
  std::uint64_t offset = 0;
  /// The owner is reading the chunk.
  bool fetching = false;
  /// When the chunk is asked for again; none while fetching.
  std::optional<Time> due;

  /// The follower has every byte and has not yet said that the snapshot is in force.
  bool whole() const { return mark && offset == total_bytes; }
};

/// Progress of one follower in one reign. The leader's own log is not here.
struct Progress {
  /// Appends that were sent and not yet answered: the last index of each, and its bytes.
  struct InFlight {
    Index last;
    std::size_t bytes = 0;
  };

  Progress(MemberId member, Index last_index, Time now)
      : id(member), next_index(last_index + 1), changed_at(now) {}

  MemberId id;
  /// In the configuration in force. False: a learner, or on its way out.
  bool voter = false;

  Index match_index;  // known equal to our log and durable there; match_index < next_index
  Index next_index;   // what is sent next
  ReplicationState state = ReplicationState::kProbe;

  /// kProbe: a probe is out, wait for its answer.
  bool paused = false;
  /// kProbe: one went out in vain, so the next carries no entries.
  bool probe_empty = false;
  /// kProbe: when the last one went out. kReplicate: when something was last acknowledged, or the
  /// first append went into an empty window.
  Time changed_at;

  std::deque<InFlight> window;  // empty unless kReplicate; ascending, all above match_index
  std::size_t window_bytes = 0;
  /// The owner is reading entries from disk for this follower.
  bool fetching = false;

  SnapshotSending snapshot;

  /// By this leader.
  std::optional<Time> heard_at;
  /// Nothing is heard since the connection was lost: what was sent may be gone.
  bool lost_contact = false;
  /// The newest read round that it has answered.
  std::uint64_t round = 0;

  /// `after`: at that place the logs are believed to agree.
  void become_probe(Index after, Time now);
  void become_replicate(Time now);
  void become_snapshot();

  /// kReplicate: entries up to `last` went out.
  void sent(Index last, std::size_t bytes, Time now);
  /// All up to `index` is known equal. Says whether that is news.
  bool acknowledged(Index index, Time now);
  /// One append always fits, however large.
  bool window_full(std::size_t max_count, std::size_t max_bytes) const {
    return !window.empty() && (window.size() >= max_count || window_bytes >= max_bytes);
  }
};

}  // namespace ticketd::raft
