// Raft as a value that is stepped: no socket, file, clock, thread or lock, and randomness only from
// a seed. Events go in (step, tick, propose, saved, ...), effects come out of take_ready().
//
// Sources: "In Search of an Understandable Consensus Algorithm" (the paper) and Ongaro's thesis.
// Where we depart from them is listed in docs/raft.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "raft/configuration.h"
#include "raft/log.h"
#include "raft/progress.h"
#include "raft/ready.h"

namespace ticketd::raft {

struct Options {
  MemberId self;
  std::uint64_t seed = 0;
  /// An election starts after a silence of [min, max) microseconds, drawn anew each time.
  Micros election_timeout_min = 250'000;
  Micros election_timeout_max = 500'000;
  /// Must be well below election_timeout_min.
  Micros heartbeat_interval = 50'000;
  /// Payload bytes of one AppendRequest (one entry always fits).
  std::size_t max_append_bytes = 256 << 10;
  /// AppendRequests to one follower that are not yet answered, by count and by bytes.
  std::size_t max_inflight_appends = 64;
  std::size_t max_inflight_bytes = 4 << 20;
  /// Bytes a leader holds appended and not committed; past it proposals are refused.
  std::size_t max_uncommitted_bytes = 16 << 20;
  /// Bytes of committed entries kept in memory for followers that are a little behind.
  std::size_t cache_bytes = 8 << 20;
  std::size_t snapshot_chunk_bytes = 32 << 10;
  /// A chunk that stays unanswered so long is sent again.
  Micros snapshot_chunk_timeout = 20'000'000;
  /// Reads waiting for a round; past it reads are refused.
  std::size_t max_pending_reads = 10'000;
};

/// What the disk held when the node started. A fresh node has all of it empty.
struct Restored {
  HardState hard_state;
  /// The entry before the first in the log: compacted into the state. (0, 0) when nothing is.
  SnapshotMark compacted;
  /// Where each term begins in the log, in order, from compacted.index + 1 on.
  std::vector<TermStart> term_starts;
  /// The configuration in force at `compacted`, then every one in the log, in order.
  std::vector<ConfigurationAt> configurations;
  Index last_index;
  /// Already in the state machine, durably. Not below compacted.index.
  Index applied_index;
  /// The log from applied_index + 1 to last_index (more, further back, is welcome).
  Entries entries;
};

/// Why a request to the leader was refused; nothing was appended.
enum class Refusal : std::uint8_t {
  kNotLeader,
  /// Leadership is being handed over.
  kTransferring,
  /// max_uncommitted_bytes reached: try again when something has been committed.
  kBusy,
  /// The leader has not yet committed an entry of its own term.
  kNotReady,
  /// Another configuration change is under way.
  kChangePending,
  /// No member of that id (or it is not what the change needs, e.g. not a learner).
  kNoSuchMember,
  /// The id is taken by a member.
  kIdInUse,
  /// The new configuration would have no live majority.
  kNoLiveQuorum,
  kLastVoter,
  kTooManyMembers,
};

const char* to_string(Refusal refusal);

/// Where a proposal stands in the log. It is done when an entry of that index *and* term is in
/// Ready::committed; it is lost when another term stands there.
struct Proposed {
  Index index;
  Term term;
};

/// Success or why not. (A Result whose error is a Refusal instead of a text.)
template <class T>
class Answer {
 public:
  Answer(T value) : value_(std::move(value)) {}   // NOLINT: implicit on purpose
  Answer(Refusal refusal) : refusal_(refusal) {}  // NOLINT: implicit on purpose
  explicit operator bool() const { return value_.has_value(); }
  const T& operator*() const { return *value_; }
  const T* operator->() const { return &*value_; }
  Refusal refusal() const { return refusal_; }

 private:
  std::optional<T> value_;
  Refusal refusal_ = Refusal::kNotLeader;
};

/// A follower as its leader sees it.
struct FollowerStatus {
  MemberId id;
  Index match_index;
  Index next_index;
  ReplicationState state = ReplicationState::kProbe;
  /// Microseconds since it was last heard; none: never by this leader.
  std::optional<Micros> last_heard;
};

class Node {
 public:
  /// Requires consistent `restored` (checked). A node whose restored configuration does not hold
  /// it as a voter never campaigns.
  Node(Options options, Restored restored, Time now);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // --- Time -------------------------------------------------------------------------------------
  /// Nothing happens by itself before this moment. Call tick at or after it.
  Time next_deadline() const;
  /// `now` never goes back; a smaller one is an error of the caller.
  void tick(Time now);

  // --- Messages ---------------------------------------------------------------------------------
  /// Any message may come late, twice, in any order or not at all. Messages for another MemberId
  /// and from members unknown to the configuration are dropped where the paper's safety asks it.
  void step(Time now, const Envelope& envelope);
  /// The transport lost its connection to that member: what was in flight may be gone.
  void unreachable(Time now, MemberId member);

  // --- Requests (leader only; a refusal has changed nothing) ------------------------------------
  Answer<Proposed> propose(Time now, std::string command);
  /// Starts a linearizable read (thesis 6.4): its answer comes in Ready::reads, always.
  Answer<ReadId> read(Time now);
  /// Hands leadership to a voter, or to the best one when none is named. Progress shows in
  /// leader(); gives up after election_timeout_max and leads on. kNoSuchMember: the target is no
  /// voter, or this node; kNoLiveQuorum: it was not heard for election_timeout_max.
  Answer<MemberId> transfer_leadership(Time now, std::optional<MemberId> target);

  // Single-server changes (thesis 4.1), one at a time, each refused when no live majority follows.
  /// Admits a learner to be promoted; `member.id.incarnation` is assigned by the leader and
  /// returned. The same node with the same join_token: its existing id and where it was admitted
  /// (index 0 when that is committed), nothing appended. Any other use of a NodeId in the
  /// configuration is refused, unless `replace`: then the new incarnation is admitted next to the
  /// voter it will replace, or in place of a learner. Requires addresses within kMaxAddressBytes.
  struct Admitted {
    MemberId id;
    Proposed proposed;
  };
  Answer<Admitted> add_learner(Time now, Member member, bool replace);
  Answer<Proposed> remove(Time now, MemberId member);
  /// Index 0, and nothing appended, when the addresses are those already.
  Answer<Proposed> change_addresses(Time now, MemberId member, Addresses addresses);

  // --- Completions ------------------------------------------------------------------------------
  /// That save is durable.
  void saved(Time now, SaveId id);
  /// Entries [from, ...] as asked, consecutive. Empty: they are compacted away meanwhile.
  void fetched(Time now, const FetchEntries& request, Entries entries);
  /// None: no snapshot could be made or read; asked again later.
  void fetched(Time now, const FetchChunk& request, std::optional<SnapshotChunk> chunk);
  /// The receiving file holds `next_offset` bytes of that snapshot.
  void staged(Time now, SnapshotMark mark, std::uint64_t file_id, std::uint64_t next_offset);
  /// State and log are now exactly the snapshot's. `configuration` comes out of it.
  void installed(Time now, SnapshotMark mark, ConfigurationAt configuration);
  /// The file was bad; reception begins anew.
  void install_failed(Time now, SnapshotMark mark);
  /// The disk dropped the log up to and including this index (<= applied).
  void compacted(Index index);

  /// Everything that is due by now. Requires an empty one, in whose memory it is put: most have a
  /// message or two, and there are as many as events.
  void take_ready(Ready& ready);
  Ready take_ready();

  // --- Views (a reference lasts until the next call that is not const) --------------------------
  MemberId self() const;
  Role role() const;
  Term current_term() const;
  /// The leader of current_term, when known.
  std::optional<MemberId> leader() const;
  /// Not leader: when leader() was last heard. Leader: when a majority was last heard.
  Time leader_heard_at() const;
  /// A leader that has committed an entry of its own term, and is not handing over.
  bool ready_to_serve() const;
  Index commit_index() const;
  Index applied_index() const;
  Index last_index() const;
  Term last_term() const;
  SnapshotMark compacted_mark() const;
  /// The newest in the log, committed or not; and the newest committed.
  const ConfigurationAt& configuration() const;
  const ConfigurationAt& committed_configuration() const;
  std::vector<FollowerStatus> followers(Time now) const;
  const Options& options() const;

  /// Checks the invariants that relate fields to each other; aborts on a breach. Cheap enough to be
  /// called after every event.
  void check_invariants() const;

 private:
  struct State;  // declared in raft/state.h; one file for each message received works on it
  std::unique_ptr<State> state_;
};

}  // namespace ticketd::raft
