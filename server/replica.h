// One member of the cluster: the raft core, its disk, its transport and the ticket machine, driven
// by events.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/transport.h"
#include "raft/node.h"
#include "server/gathering.h"
#include "server/in_flight.h"
#include "server/loop.h"
#include "server/member_book.h"
#include "server/request_queue.h"
#include "store/disk.h"
#include "ticket/machine.h"
#include "ticket/service.h"

namespace ticketd::server {

struct ReplicaOptions {
  /// Of its disk, to be told to the others.
  Durability durability = Durability::kHigh;
  /// `self` included; the disk's identity says who it is.
  raft::Options raft;
  std::uint64_t cluster_id = 0;
  /// As told to peers and clients.
  raft::Addresses addresses;
  raft::Micros request_timeout = 5'000'000;
  /// What is promised about idempotency keys while this node leads.
  ticket::KeyLimits key_limits;
  /// Sequences may be removed.
  bool allow_delete = false;
  std::string version;
};

using QueryDone = std::function<void(ticket::QueryAnswer)>;

/// Why a replica cannot go on by itself.
enum class End {
  /// The cluster removed this member.
  kRemoved,
  /// Another cluster counts this node among its members.
  kForeignCluster,
  /// The state differs from the leader's, or a command is not understood.
  kDamaged,
};

struct ReplicaCallbacks {
  /// Once: this node is a voter of the committed configuration.
  std::function<void()> voting;
  /// At most once. Nothing is served afterwards.
  std::function<void(End, const std::string&)> ended;
};

/// Everything on the loop's thread. The seams must outlive it; after close() it makes no more calls
/// on them, and completions that come later are ignored.
class Replica : public ticket::Service, public net::TransportEvents {
 public:
  Replica(ReplicaOptions options, const store::Opened& opened, Loop& loop, store::Disk& disk,
          net::Transport& transport, ReplicaCallbacks callbacks);
  ~Replica() override;

  void start();

  /// Hands leadership over when it leads and can, lets what is appended be answered, then calls
  /// `done`; within about two election time-outs.
  void shut_down(std::function<void()> done);
  /// Answers everything that still waits: not done, or unknown.
  void close();

  // --- ticket::Service --------------------------------------------------------------------------
  void find_leader(std::function<void(ticket::LeaderView)> done) override;
  void change(ticket::Request request, AnswerDone done) override;
  void forward(ticket::Request request, AnswerDone done) override;
  void read(ticket::Query query, QueryDone done) override;
  void forward(ticket::Query query, QueryDone done) override;
  void read_stale(ticket::Query query, QueryDone done) override;

  // --- net::TransportEvents ---------------------------------------------------------------------
  void on_message(raft::Envelope envelope) override;
  void on_status(raft::MemberId from, const net::MemberStatus& status) override;
  void on_unreachable(raft::MemberId peer) override;
  void on_request(net::Call call, net::Responder respond) override;
  std::optional<net::Refused> judge(const net::Hello& hello) override;
  void on_refused(raft::MemberId peer, const net::Refused& refused) override;

  // --- What operators ask for, besides what comes on the peer port -----------------------------
  /// At the leader: answers when the learner of that node is a voter. It becomes one by itself as
  /// soon as it has caught up, so there is nothing to do but to wait. Refused when none waits at
  /// that peer address.
  void await_voter(raft::NodeId node, const std::string& address, net::Responder respond);
  /// At the leader: removes a member, as net::RemoveCall does. Refused unless that is at the peer
  /// address that members are shown with, empty for any, and when the removal would follow upon
  /// another configuration than the one at `expected`.
  void remove_server(raft::NodeId node, const std::string& address, raft::Index expected,
                     net::Responder respond);
  /// At any member: a snapshot of what it has applied. Refused when there is one already.
  void make_snapshot(net::Responder respond);

  // --- Views ------------------------------------------------------------------------------------
  const raft::Node& node() const { return node_; }
  const ReplicaOptions& options() const { return options_; }
  /// None: the newest configuration is the one at that index; 0: whichever it is.
  std::optional<net::ErrorReply> outdated(raft::Index expected) const;
  /// Heard within one election time-out; this node when it leads.
  std::optional<raft::MemberId> present_leader();
  /// Microseconds since a leader was heard, of whatever term, or since this node led; none: never
  /// since it started. At the leader 0.
  std::optional<raft::Micros> last_contact();
  raft::SnapshotMark newest_snapshot() const { return disk_.newest_snapshot(); }
  const ticket::Summary& summary() const { return machine_.summary(); }
  /// The removal of this node was asked for here: its end is no surprise.
  bool leaving() const { return loop_.now() < leaving_until_; }
  /// What a joiner waits for, in words.
  std::string progress() const;
  /// Ends the process when what must always hold does not: above all the bounds of everything that
  /// waits. For tests; takes time.
  void check_invariants() const;

 private:
  /// Something that is waited for: tried after every turn until it says that it is done.
  struct Wait {
    std::function<bool()> attempt;
    raft::Time deadline;
    std::function<void()> expired;
  };
  struct LeaderWait {
    std::function<void(ticket::LeaderView)> done;
    raft::Time deadline;
  };
  using ReadDone = std::function<void(bool confirmed)>;
  /// A query whose answer is due.
  struct PendingQuery;
  using Queries = std::multimap<raft::Time, std::shared_ptr<PendingQuery>>;
  using QueryList = std::list<std::shared_ptr<PendingQuery>>;
  struct PendingQuery {
    ticket::Query query;  // empty once it was answered
    QueryDone done;       // null once it was answered
    Queries::iterator place;
    std::size_t bytes = 0;
    /// Where it stands besides queries_, and leaves when it is answered. Null: nowhere.
    QueryList* list = nullptr;
    QueryList::iterator place_in_list;
    /// So many of a lookup's sequences were read off the loop, or are being read.
    std::size_t warmed = 0;
  };
  /// Changes of the membership that are asked for and wait; each is tried after every turn.
  static constexpr std::size_t kMaxWaits = 256;
  /// Queries that wait, and the bytes of what they ask for.
  static constexpr std::size_t kMaxQueries = 65'536;
  static constexpr std::size_t kMaxQueryBytes = 64 << 20;
  static constexpr std::size_t kMaxLeaderWaits = 65'536;
  /// Rounds of reads, until what they have to see is applied: when nothing can be applied they
  /// gather though they are confirmed.
  static constexpr std::size_t kMaxReads = 16'384;

  // replica.cpp: one turn
  void schedule_turn();
  void turn();
  void try_waits();
  void on_alarm();
  void propose_waiting();
  void carry_out(raft::Ready& ready);
  void save(raft::Save save);
  void fetch(const raft::Ready& ready);
  void install(raft::SnapshotMark mark);
  void follow_changes();
  void follow_membership();
  void expire(raft::Time now);
  void arm();
  void end(End why, const std::string& message);

  // replica_apply.cpp: committed entries, as the records that they need come into memory
  void apply(const raft::Entries& committed);
  void apply_waiting();
  void forget_next();
  void prefetch(const ticket::Batch& batch);
  void watch_warming(raft::Time now);
  bool decode_next();
  bool warm_first();
  void apply(const raft::Entry& entry);

  // replica_reads.cpp
  void add_query(ticket::Query query, raft::Micros patience, QueryDone done);
  std::shared_ptr<PendingQuery> pend(ticket::Query query, raft::Micros patience, QueryDone done);
  void begin_reads();
  void answer_reads(const std::vector<raft::ReadAnswer>& answers);
  void serve_reads();
  bool has_room_for(const ticket::Query& query) const;
  bool too_many_reads() const { return reads_.size() + confirmed_reads_.size() >= kMaxReads; }
  static void put_into(QueryList& list, const std::shared_ptr<PendingQuery>& pending);
  static void take_out(PendingQuery& pending);
  void look_up(const std::shared_ptr<PendingQuery>& pending);
  bool is_small_and_warm(const ticket::Query& query);
  void warm_queries();
  std::function<void()> answer_when_warm(std::vector<std::shared_ptr<PendingQuery>> queries);
  std::vector<std::string> next_cold(PendingQuery& pending, std::size_t most);
  ticket::QueryResult result_of(const ticket::Query& query);
  void settle(PendingQuery& pending, ticket::QueryAnswer answer);
  void refuse_queries(std::string_view message);
  void expire_queries(raft::Time now);

  // replica_service.cpp: the front ends' requests
  raft::Micros leader_patience() const;
  raft::Micros change_patience() const;
  void enqueue(ticket::Request request, raft::Micros patience, AnswerDone done);
  std::optional<ticket::LeaderView> leader_view();
  std::optional<raft::Member> known_leader();
  bool low_on_space(raft::Time now);
  std::uint64_t replicated_time();
  void refuse_waiting(std::string_view message);
  void answer_leader_waits();

  // replica_members.cpp: what members tell each other beside the log
  void introduce();
  std::vector<net::Peer> peers() const;
  void set_peers();
  void mend_addresses();
  void ask_for_members();
  void hear(const net::StatusReply& status);
  net::MemberStatus own_status() const;
  void report_to_members();
  void warn_of_another_level(raft::MemberId member, const net::MemberStatus& status) const;

  // replica_calls.cpp: requests on the peer port
  void answer(const net::ChangeCall& call, net::Responder respond);
  void answer(const net::QueryCall& call, net::Responder respond);
  void answer(const net::StatusCall& call, net::Responder respond);
  void answer(const net::MembersCall& call, net::Responder respond);
  void answer(const net::JoinCall& call, net::Responder respond);
  void answer(const net::RemoveCall& call, net::Responder respond);
  void answer(const net::TransferCall& call, net::Responder respond);
  void answer(const net::LeaveCall& call, net::Responder respond);
  net::Responder answer_in_time(net::Responder respond, std::string late);
  std::optional<net::ErrorReply> not_leading();
  net::ErrorReply refused(raft::Refusal refusal, raft::NodeId node);
  void begin_removal(const raft::Member& member, raft::Index expected, net::Responder respond);
  void remove(raft::MemberId member, raft::Index expected, net::Responder respond);
  bool heard_majority_since(const raft::Configuration& next, raft::Time since);
  void hand_over(std::optional<raft::MemberId> target, net::Responder respond, bool then_ask_again);
  bool too_many_wait(const net::Responder& respond);
  void wait_for(std::function<bool()> attempt, raft::Micros patience,
                std::function<void()> expired);
  net::MemberView view_of(const raft::Member& member,
                          const std::vector<raft::FollowerStatus>& followers);

  ReplicaOptions options_;
  Loop& loop_;
  store::Disk& disk_;
  net::Transport& transport_;
  ReplicaCallbacks callbacks_;

  raft::Node node_;
  /// What node_.leader_heard_at() says as long as none was heard: when the node began.
  const raft::Time no_leader_heard_;
  /// Of the turn that runs; empty between turns, and kept for what it has allocated.
  raft::Ready ready_;
  ticket::Machine machine_;
  raft::ConfigurationAt applied_configuration_;
  DigestHistory digests_;
  MemberBook members_;

  RequestQueue queue_;
  Gathering gathering_;
  InFlight in_flight_;
  /// Committed entries that are not applied yet.
  std::deque<raft::Entry> unapplied_;
  std::size_t unapplied_bytes_ = 0;
  // Of the first of them: whether it was decoded, its batch if it has one, and how often the records
  // that it needs were asked for.
  bool next_decoded_ = false;
  std::optional<ticket::Batch> next_batch_;
  int warm_rounds_ = 0;
  std::map<raft::ReadId, ReadDone> reads_;
  /// Confirmed reads that wait until their index is applied.
  std::deque<std::pair<raft::Index, ReadDone>> confirmed_reads_;
  /// By their deadlines, wherever they stand; at most kMaxQueries, and so are all the lists below.
  Queries queries_;
  std::size_t query_bytes_ = 0;
  /// Those that wait for the next read round, which takes the list.
  std::shared_ptr<QueryList> unread_ = std::make_shared<QueryList>();
  /// Those that may be answered when their records are in memory.
  QueryList cold_queries_;
  std::deque<LeaderWait> leader_waits_;
  /// A deque: the one whose attempt is running keeps its place when that adds others.
  std::deque<Wait> waits_;

  /// The clock of replicated time: at `office_began_` it stood at `office_stamp_us_`.
  raft::Term office_term_;
  raft::Time office_began_;
  std::uint64_t office_stamp_us_ = 0;

  // What follow_changes() saw last.
  std::pair<raft::Index, raft::Index> peers_indexes_;
  raft::Role role_ = raft::Role::kFollower;
  raft::Term role_term_;
  std::optional<raft::MemberId> leader_;

  raft::Time next_report_;
  raft::Time leaving_until_;
  bool saving_ = false;
  bool installing_ = false;
  // Reading off the loop: for the next entry, for one that was just proposed, for queries.
  bool warming_ = false;
  raft::Time warming_since_;
  bool prefetching_ = false;
  bool warming_queries_ = false;
  bool turn_scheduled_ = false;
  bool voting_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  bool closed_ = false;
  /// Completions that come after the end hold this and find it false.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ticketd::server
