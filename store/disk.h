// What a replica asks of its disk: the seam behind which LMDB and the journal stand in the server,
// and a simulated disk in the simulator.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/durability.h"
#include "base/result.h"
#include "raft/node.h"
#include "raft/ready.h"
#include "ticket/machine.h"

namespace ticketd::store {

/// Who this data directory belongs to. Written before the node makes any promise.
struct Identity {
  raft::NodeId node;
  /// 0 until the node was admitted to a cluster.
  raft::Incarnation incarnation;
  std::uint64_t cluster_id = 0;
  /// See raft::Member::join_token.
  std::uint64_t join_token = 0;
  /// A joiner takes over its id from an earlier incarnation (`join --replace`).
  bool replace = false;
  /// Members to be asked when the configuration is not yet known (peer addresses, comma-separated).
  std::string contacts;

  bool operator==(const Identity&) const = default;
};

/// The state as of one log position.
struct AppliedState {
  ticket::Summary summary;
  raft::ConfigurationAt configuration;
};

/// What the directory held at open: journal replayed, everything verified.
struct Opened {
  /// None: a new directory.
  std::optional<Identity> identity;
  /// The power was cut while saves that were acknowledged were not flushed: what is here may be
  /// less than what this node has promised, so it must not take part as who it was.
  bool doubtful = false;
  /// When doubtful: the identity under which it asks to be admitted anew, once it has begun to.
  std::optional<Identity> readmission;
  raft::Restored restored;
  AppliedState applied;
};

struct SpaceReport {
  /// Bytes that may still be used before the map or the disk is full, whichever comes first.
  std::uint64_t free_bytes = 0;
  std::uint64_t map_bytes = 0;
  std::uint64_t used_bytes = 0;
  /// Free space is below the reserve: what grows state is to be refused.
  bool low = false;
  /// The last checkpoint failed for want of space; nothing more can be saved until there is room.
  bool full = false;
};

/// Counts since open, for status and for measurements.
struct DiskCounters {
  std::uint64_t journal_flushes = 0;
  std::uint64_t journal_bytes = 0;
  std::uint64_t checkpoints = 0;
  /// Bytes that checkpoints wrote into LMDB's file.
  std::uint64_t checkpoint_bytes = 0;
  std::uint64_t last_checkpoint_bytes = 0;
  std::uint64_t snapshots_made = 0;
  std::uint64_t snapshots_installed = 0;
};

/// Every call is made on the event loop's thread and returns at once; every `done` is called later
/// on that thread, never from inside the call, and not after close() returned. An I/O error (EIO, a
/// failed fsync) ends the process: nothing that was not synced may be believed afterwards.
class Disk {
 public:
  using Done = std::function<void()>;
  virtual ~Disk() = default;

  /// Makes it as durable as the disk's level asks, in the order of the calls. A term, a vote and a
  /// configuration are flushed at every level, and with them all that was saved before. At most one
  /// is outstanding.
  virtual void save(raft::Save save, Done done) = 0;

  /// The records as the machine sees them: newest changes over what LMDB holds.
  virtual ticket::State& state() = 0;
  /// Reads these records off the loop, so that state().find() need not wait for the disk: `done`
  /// comes when they are warm. They stay so at least until `done` returns.
  virtual void warm(std::vector<std::string> keys, Done done) = 0;
  /// The same for state().list().
  virtual void warm(ticket::ListRange range, Done done) = 0;
  /// The machine has applied entries; its state() now stands at `applied`. The next checkpoint
  /// stores it. Requires that all entries up to it were saved.
  virtual void applied(const AppliedState& applied) = 0;

  /// Entries [from, to], at least one; cut at max_bytes, or before where those in memory begin.
  /// Empty when `from` is compacted away.
  virtual void fetch(const raft::FetchEntries& request,
                     std::function<void(raft::Entries)> done) = 0;
  virtual void fetch(const raft::FetchChunk& request,
                     std::function<void(std::optional<raft::SnapshotChunk>)> done) = 0;

  /// Appends the chunk to the file being received; answers how many bytes of it are held.
  virtual void stage(raft::SnapshotChunk chunk, std::function<void(std::uint64_t)> done) = 0;
  /// Verifies the received file and puts it in force: afterwards state() and the log are its.
  /// Error: the file is bad, or there is no room for it; nothing has changed.
  virtual void install(raft::SnapshotMark mark, std::function<void(Result<AppliedState>)> done) = 0;

  /// Called on the loop whenever the log was compacted up to an index.
  virtual void on_compacted(std::function<void(raft::Index)> callback) = 0;

  /// Makes a snapshot of a state not older than applied() told last. False: there is one already.
  virtual void make_snapshot(std::function<void(Result<bool>)> done) = 0;
  /// The newest one that this node has made; (0, 0): none.
  virtual raft::SnapshotMark newest_snapshot() const = 0;

  virtual SpaceReport space() const = 0;
  virtual DiskCounters counters() const = 0;

  /// Finishes what is under way, takes a last checkpoint and lets go of the directory.
  virtual void close() = 0;
};

}  // namespace ticketd::store
