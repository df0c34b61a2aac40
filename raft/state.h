// The private side of a Node: all its fields, and the functions that work on them. One file for
// each topic defines them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "raft/log.h"
#include "raft/node.h"
#include "raft/outbox.h"
#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/ready.h"
#include "raft/save_gate.h"

namespace ticketd::raft {

/// A learner is promoted when it is so many entries behind the leader, or fewer.
inline constexpr std::uint64_t kPromotionLag = 64;

/// Linearizable reads of one reign (thesis 6.4). One round of heartbeats is out at a time; a read
/// that comes while one is out waits for the next, since answers to a round only prove that the
/// leader led when that round began.
struct ReadRounds {
  struct Waiting {
    ReadId id;
    Index index;  // the commit index when the read came
  };

  std::uint64_t round = 0;  // the newest begun
  std::vector<Waiting> in_round;
  std::vector<Waiting> waiting;

  std::size_t size() const { return in_round.size() + waiting.size(); }
};

/// Leadership on its way to another member (thesis 3.10).
struct Transfer {
  MemberId target;
  Time gives_up_at;
};

/// What exists only while this node leads.
struct Leadership {
  Time since;
  /// The no-op of this reign: once it is committed, so is all that earlier leaders committed.
  Index first_index;
  Time heartbeat_due;
  /// Everyone in the configuration in force or in the committed one (who is being removed still
  /// learns of it), without this node; ordered by id.
  std::vector<Progress> followers;
  /// This node is a voter in the configuration in force.
  bool self_votes = false;
  /// The configuration in force names a promotion or a replacement that is still to be done.
  bool has_intents = false;
  /// What the entries above the commit index count for.
  std::size_t uncommitted_bytes = 0;
  ReadRounds reads;
  std::optional<Transfer> transfer;
};

/// A snapshot on its way in.
struct SnapshotReception {
  struct File {
    SnapshotMark mark;
    std::uint64_t file_id = 0;
    std::uint64_t total_bytes = 0;
    /// Of the leader that sends it.
    Term term;
    /// Bytes that the owner has confirmed; staged_bytes <= total_bytes.
    std::uint64_t staged_bytes = 0;
  };
  enum class Install : std::uint8_t {
    kNone,
    /// The file is whole; a save with entries that is still out must land first.
    kWanted,
    /// The owner was told. Log and state are about to be replaced.
    kRunning,
  };

  std::optional<File> file;
  /// To be handed to the owner when the lane is free.
  std::optional<SnapshotChunk> next_chunk;
  /// The file of which the owner is writing a chunk: not always `file`, which may have changed.
  struct Staging {
    SnapshotMark mark;
    std::uint64_t file_id = 0;
    bool operator==(const Staging&) const = default;
  };
  std::optional<Staging> staging;
  Install install = Install::kNone;  // not kNone: file is set and whole
};

struct Node::State {
  State(Options given, Restored restored, Time start);

  const Options options;
  Random random;
  Time now;

  // What Raft says every server has (figure 2). `hard` and `log` run ahead of the disk; `gate`
  // knows by how much.
  HardState hard;  // hard.current_term >= log.last_term()
  Log log;
  SaveGate gate;
  Index handed_out;  // of committed entries; compacted <= handed_out <= min(commit, durable)

  Role role = Role::kFollower;
  std::optional<MemberId> leader;     // of hard.current_term; self exactly while role is kLeader
  Time leader_heard_at;               // while not leading
  Time election_due;                  // while not leading
  std::vector<MemberId> granted;      // votes of others, while (pre-)candidate; no one twice
  std::optional<Leadership> leading;  // exactly while role is kLeader
  SnapshotReception reception;

  // What goes into the next Ready.
  Outbox outbox;
  std::vector<ReadAnswer> read_answers;
  std::vector<FetchEntries> fetch_entries;
  std::vector<FetchChunk> fetch_chunks;
  ReadId last_read;

  // state.cpp: small questions and the one way to send
  Term current_term() const { return hard.current_term; }
  Index commit_index() const { return hard.commit_index; }
  MemberId self() const { return options.self; }
  const Configuration& configuration() const { return log.configuration().configuration; }
  const ConfigurationAt& committed_configuration() const {
    return log.configuration_at(hard.commit_index);
  }
  void advance_clock(Time to);
  /// Requires since <= now.
  Micros elapsed(Time since) const;
  bool knows(MemberId member) const;
  /// A save is out for so long that this disk must be taken for dead.
  bool disk_hangs() const;
  /// `promised`: the message claims that our log is durable up to there.
  void send(MemberId to, Message message, Index promised = Index(0));

  // roles.cpp: each change of role in one place
  void become_follower(Term term, std::optional<MemberId> of_leader);
  void become_pre_candidate();
  void become_candidate(bool transfer);
  void become_leader();

  // election.cpp (Raft 5.2, 5.4.1; thesis 4.2.2, 4.2.3, 6.2, 9.6)
  void arm_election_timer();
  void election_timed_out();
  bool may_campaign() const;
  bool hears_live_leader() const;
  void request_votes(const VoteRequest& request);
  bool election_won() const;
  void count_votes();
  bool grants(MemberId candidate, const VoteRequest& request) const;
  void handle(MemberId from, const VoteRequest& request);
  void handle(MemberId from, const VoteResponse& response);

  // step.cpp: which messages count at all
  void step(const Envelope& envelope);
  bool meet_newer_term(MemberId from, const Message& message);
  void answer_older_term(MemberId from, const Message& message);
  void hear_leader(MemberId from);
  Progress* hear_follower(MemberId from);

  // append.cpp: the follower's side (Raft 5.3)
  void handle(MemberId from, const AppendRequest& request);
  /// Says, once it is durable, that our log equals that leader's up to `index`.
  void acknowledge_append(MemberId leader_of_term, Index index);
  void refuse_append(MemberId from, const AppendRequest& request);
  void store(std::span<const Entry> news);
  void commit_as_follower(Index index);

  // replication.cpp: the leader's side (Raft 5.3, 5.4.2)
  Index append_entry(EntryType type, Payload payload);
  Answer<Proposed> propose(std::string command);
  void replicate();
  void send_probe(Progress& follower);
  bool send_entries(Progress& follower);
  void send_append(Progress& follower, Entries entries);
  void handle(MemberId from, const AppendResponse& response);
  void append_refused(Progress& follower, const AppendResponse& response);
  void fetched(const FetchEntries& request, Entries entries);
  void unreachable(MemberId member);
  void advance_commit_index();
  Progress* find_follower(MemberId member);
  const Progress* find_follower(MemberId member) const;
  /// What a majority of voters has reached: `own` for this node, `of(progress)` for the others.
  template <class Value, class Of>
  Value reached_by_majority(Value own, Of of) const;

  // heartbeat.cpp
  void send_heartbeat(const Progress& follower);
  void broadcast_heartbeat();
  void handle(MemberId from, const HeartbeatRequest& request);
  void handle(MemberId from, const HeartbeatResponse& response);
  /// When a majority of voters was last heard, taking the beginning of the reign for a sign of
  /// life.
  Time majority_heard_at() const;

  // reads.cpp (thesis 6.4)
  Answer<ReadId> read();
  void begin_read_round();
  void confirm_read_round();
  void fail_reads();

  // membership.cpp (thesis 4.1, 4.2)
  Answer<Admitted> add_learner(Member member, bool replace);
  Admitted admitted_before(MemberId member) const;
  Answer<Proposed> remove(MemberId member);
  Answer<Proposed> change_addresses(MemberId member, Addresses addresses);
  std::optional<Refusal> change_refused() const;
  Answer<Proposed> change_configuration(const Configuration& next);
  bool is_live(MemberId member) const;
  bool has_live_majority(const Configuration& next) const;
  bool caught_up(MemberId learner) const;
  void refresh_followers();
  void configuration_committed();
  void leave_leadership();
  void pursue_intents();

  // transfer.cpp (thesis 3.10)
  Answer<MemberId> transfer_leadership(std::optional<MemberId> target);
  std::optional<MemberId> best_successor() const;
  void push_transfer();
  void handle(MemberId from, const TimeoutNowRequest& request);

  // snapshot_send.cpp (Raft 7)
  void begin_snapshot(Progress& follower);
  void ask_chunk(Progress& follower);
  void send_chunk(Progress& follower, SnapshotChunk chunk);
  void resend_chunk(Progress& follower);
  void fetched(const FetchChunk& request, std::optional<SnapshotChunk> chunk);
  void handle(MemberId from, const SnapshotResponse& response);

  // snapshot_receive.cpp (Raft 7)
  void handle(MemberId from, const SnapshotRequest& request);
  bool begins_other_file(const SnapshotChunk& chunk) const;
  bool holds_already(const SnapshotMark& mark) const;
  void answer_held(MemberId to, SnapshotMark mark, std::uint64_t file_id);
  void answer_offset(MemberId to, const SnapshotReception::File& file);
  void staged(SnapshotMark mark, std::uint64_t file_id, std::uint64_t next_offset);
  void installed(SnapshotMark mark, ConfigurationAt at);
  void install_failed(SnapshotMark mark);
  /// Forgets what was received. Requires that the owner is not installing.
  void drop_reception();

  // clock.cpp
  Time next_deadline() const;
  void tick();
  void tick_leader();

  // ready.cpp
  void saved(SaveId id);
  void compacted(Index index);
  void take_ready(Ready& ready);
  Entries take_committed();

  // invariants.cpp
  void check_invariants() const;
  void check_leader() const;
  void check_follower(const Progress& follower) const;
};

template <class Value, class Of>
Value Node::State::reached_by_majority(Value own, Of of) const {
  std::array<Value, Configuration::kMaxMembers> reached;
  std::size_t count = 0;
  if (leading->self_votes) {
    reached[count++] = own;
  }
  for (const Progress& follower : leading->followers) {
    if (follower.voter) {
      reached[count++] = of(follower);
    }
  }
  return majority_reached(std::span<Value>(reached.data(), count));
}

}  // namespace ticketd::raft
