// One node on the stage: the test plays its clock, its disk and everyone it talks to.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "raft/node.h"

namespace ticketd::raft::testing {

/// The member of that node's first life.
MemberId member(std::uint64_t node);
Configuration voters(std::initializer_list<std::uint64_t> nodes);
Configuration with_learner(const Configuration& configuration, std::uint64_t node);
Entry configuration_entry(std::uint64_t index, std::uint64_t term,
                          const Configuration& configuration);
/// Commands of these terms, from index `first` on.
Entries entries(std::uint64_t first, std::initializer_list<std::uint64_t> terms);

/// What the node wakes up with: here, a member of three without a past.
struct Start {
  std::uint64_t self = 1;
  /// In force at `compacted`.
  Configuration configuration = voters({1, 2, 3});
  HardState hard_state;
  SnapshotMark compacted;
  /// Behind `compacted`; all of it is in memory.
  Entries log;
  /// Up to here the log is applied; not below compacted.
  Index applied;
  Options options;
  Time now{4'294'967'000'000};  // 32 bits of milliseconds are about to wrap
};

/// The same, with a hard state of that term.
Start at_term(std::uint64_t term, Start start = {});

AppendRequest append(std::uint64_t term, std::uint64_t prev, std::uint64_t prev_term,
                     Entries entries = {}, std::uint64_t commit = 0);
VoteRequest vote(std::uint64_t term, std::uint64_t last, std::uint64_t last_term);
VoteRequest pre_vote(std::uint64_t term, std::uint64_t last, std::uint64_t last_term);
AppendResponse stored(std::uint64_t term, std::uint64_t index);

class Stage {
 public:
  explicit Stage(Start start = {});

  Node& node() { return *node_; }
  Time now() const { return now_; }

  /// Messages, time and answers from outside. Each is followed by carry_out().
  void receive(std::uint64_t from, Message message);
  void receive_from(MemberId from, Message message);
  void pass(Micros time);
  /// Lets time pass up to the node's own next deadline.
  void pass_to_deadline();
  /// Takes Readys until they are empty, and confirms saves at once unless the disk is stopped.
  void carry_out();

  /// From now on saves stay out until confirm(), which confirms the one that is out.
  void stop_disk() { disk_runs_ = false; }
  void run_disk();
  void confirm();
  bool is_saving() const { return outstanding_.has_value(); }

  /// Everything of that kind sent since it was last asked for, oldest first; to one node or to all.
  template <class T>
  std::vector<T> take(std::optional<std::uint64_t> to = std::nullopt) {
    std::vector<T> taken;
    std::vector<Envelope> rest;
    for (Envelope& envelope : sent) {
      const bool wanted = !to || envelope.to.node == NodeId(*to);
      if (T* message = wanted ? std::get_if<T>(&envelope.message) : nullptr) {
        taken.push_back(std::move(*message));
      } else {
        rest.push_back(std::move(envelope));
      }
    }
    sent = std::move(rest);
    return taken;
  }
  /// Exactly one of that kind must have been sent.
  template <class T>
  T take_one(std::optional<std::uint64_t> to = std::nullopt) {
    std::vector<T> taken = take<T>(to);
    REQUIRE(taken.size() == 1);
    return taken.front();
  }

  /// Time passes until it campaigns; these nodes give their pre-votes and votes.
  void elect(std::initializer_list<std::uint64_t> supporters);
  /// The same, and they acknowledge all it has to send.
  void lead(std::initializer_list<std::uint64_t> followers);
  /// These nodes acknowledge every append sent to them, until there are no more.
  void acknowledge(std::initializer_list<std::uint64_t> followers);
  /// These nodes answer every heartbeat sent to them.
  void answer_heartbeats(std::initializer_list<std::uint64_t> followers);
  /// Time passes, in which these nodes answer heartbeats.
  void pass_heard_by(Micros time, std::initializer_list<std::uint64_t> followers);

  /// A node that starts again with what was confirmed to the old one. Nothing is compacted.
  Start restart() const;

  std::vector<Envelope> sent;
  std::vector<Save> saves;
  Entries applied;
  std::vector<ReadAnswer> reads;
  std::vector<FetchEntries> fetch_entries;
  std::vector<FetchChunk> fetch_chunks;
  std::vector<SnapshotChunk> staged;
  std::vector<SnapshotMark> installs;

 private:
  Start start_;
  Time now_;
  std::unique_ptr<Node> node_;
  bool disk_runs_ = true;
  std::optional<Save> outstanding_;
  HardState durable_hard_state_;
  Entries durable_log_;
};

/// Does the action end the process by a failed check?
bool stops_the_process(const std::function<void()>& action);

}  // namespace ticketd::raft::testing
