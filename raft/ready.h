// What a Node asks of its owner, as values in the order in which they must happen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "raft/message.h"

namespace ticketd::raft {

enum class Role : std::uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

const char* to_string(Role role);

/// Numbers saves; each is confirmed by Node::saved.
using SaveId = Number<struct SaveIdKind>;
/// Numbers reads; chosen by Node::read.
using ReadId = Number<struct ReadIdKind>;

/// To be made durable as one unit: after a crash all of it or none of it is there. The entries
/// replace whatever the log holds from the first one's index on.
struct Save {
  SaveId id;
  std::optional<HardState> hard_state;
  Entries entries;
};

/// Entries that a follower needs and that are no longer in memory. Answered by Node::fetched.
struct FetchEntries {
  MemberId follower;
  Index from;
  /// Not beyond this one.
  Index to;
  std::size_t max_bytes = 0;
};

/// A chunk of a snapshot for a follower whose next entry is compacted away. Answered by
/// Node::fetched. With no mark the owner picks its newest snapshot, made if need be, and offset 0.
struct FetchChunk {
  MemberId follower;
  std::optional<SnapshotMark> mark;
  std::uint64_t file_id = 0;
  std::uint64_t offset = 0;
  std::size_t max_bytes = 0;
};

/// The answer to Node::read: the read may be served once `index` is applied; none: not the leader.
struct ReadAnswer {
  ReadId id;
  std::optional<Index> index;
};

/// Everything that is due. Order of work: hand `save` to the disk, send `messages` (they rest on
/// nothing that is not durable yet: messages that do are kept back by the Node until their save is
/// confirmed), apply `committed`, then the rest. The owner may start all of them at once.
struct Ready {
  /// At most one is outstanding; what arrives meanwhile gathers into the next.
  std::optional<Save> save;
  std::vector<Envelope> messages;
  /// Committed and durable here; each exactly once, without a gap.
  Entries committed;
  std::vector<ReadAnswer> reads;
  std::vector<FetchEntries> fetch_entries;
  std::vector<FetchChunk> fetch_chunks;
  /// To be appended to the file being received (offset 0 begins it anew). Answered by Node::staged.
  std::optional<SnapshotChunk> stage;
  /// The file is whole: to be verified and put in force in place of log and state. Answered by
  /// Node::installed or Node::install_failed.
  std::optional<SnapshotMark> install;

  bool empty() const { return messages.empty() && nothing_but_messages(); }
  bool nothing_but_messages() const {
    return !save && committed.empty() && reads.empty() && fetch_entries.empty() &&
           fetch_chunks.empty() && !stage && !install;
  }
  /// What it has allocated is kept for the next, but for entries, which may be many.
  void clear() {
    save.reset();
    messages.clear();
    committed = {};
    reads.clear();
    fetch_entries.clear();
    fetch_chunks.clear();
    stage.reset();
    install.reset();
  }
};

}  // namespace ticketd::raft
