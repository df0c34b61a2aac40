// Servers, network and invariants in one virtual time, all from one seed.
#pragma once

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/raft/cluster_events.h"
#include "tests/raft/cluster_invariants.h"
#include "tests/raft/cluster_network.h"
#include "tests/raft/cluster_plan.h"
#include "tests/raft/cluster_server.h"

namespace ticketd::raft::cluster {

/// What happened in a run, to see that the runs reach what they are meant to test.
struct Counts {
  std::uint64_t steps = 0;
  std::uint64_t elections = 0;
  std::uint64_t committed = 0;
  std::uint64_t reads = 0;
  std::uint64_t reads_refused = 0;
  std::uint64_t truncations = 0;
  std::uint64_t restarts = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t bad_snapshots = 0;
  std::uint64_t fetches = 0;
  std::uint64_t compacted_fetches = 0;
  std::uint64_t admissions = 0;
  std::uint64_t replacements = 0;
  std::uint64_t removals = 0;
  std::uint64_t transfers = 0;
  std::uint64_t wipes = 0;
  std::uint64_t busy = 0;

  Counts& operator+=(const Counts& other);
};

class Simulation {
 public:
  explicit Simulation(const Plan& plan);

  /// Runs events for that long.
  void run_for(Micros span);
  /// Runs until the condition holds, asked now and then; false if it does not within the span.
  bool run_until(const std::function<bool()>& condition, Micros span);

  Server* find(MemberId id);
  Server& add_server(MemberId id, Disk disk);
  const std::vector<std::unique_ptr<Server>>& servers() const { return servers_; }
  /// Its removal is committed.
  bool is_removed(MemberId id) const { return removed_.contains(id); }
  /// The running leader of the highest term, or nullptr.
  Server* leader();
  /// No more faults: everything that can run does, fast and undisturbed.
  void heal();
  bool healed() const { return healed_; }

  /// An admission was appended there: when it is committed, the joiner starts.
  void expect_admission(Proposed place, MemberId id) {
    admissions_[{place.index, place.term}] = id;
  }
  void trace(std::uint64_t number) { trace_ = mixed(trace_, number); }
  /// With TICKETD_TRACE in the environment, writes the line to standard error, with the time.
  template <class... Parts>
  void tell(MemberId member, const Parts&... parts) const {
    if (told_) {
      ((std::cerr << events.now() << " us " << member << ": ") << ... << parts) << '\n';
    }
  }
  /// Equal for two runs of one plan.
  std::uint64_t trace_hash() const { return trace_; }
  std::string describe() const;

  const Plan plan;
  Knobs knobs;
  EventQueue events;
  Invariants invariants;
  Counts counts;
  // Separate streams, so that one more decision here does not change all the others.
  Random network_random, disk_random, owner_random, fault_random, load_random;
  Network network;

 private:
  void found();
  void follow_commits();
  void stop_removed(MemberId id);

  std::vector<std::unique_ptr<Server>> servers_;
  std::map<MemberId, Server*> by_id_;
  std::map<std::pair<Index, Term>, MemberId> admissions_;
  std::set<MemberId> removed_;
  Index followed_;
  bool healed_ = false;
  bool told_ = std::getenv("TICKETD_TRACE") != nullptr;
  std::uint64_t trace_ = 0;
};

}  // namespace ticketd::raft::cluster
