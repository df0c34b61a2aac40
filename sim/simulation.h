// A cluster, its clients and its faults in one virtual time, all from one seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/clients.h"
#include "sim/events.h"
#include "sim/faults.h"
#include "sim/minority.h"
#include "sim/network.h"
#include "sim/operators.h"
#include "sim/oracle.h"
#include "sim/plan.h"
#include "sim/process.h"
#include "sim/statistics.h"
#include "sim/witness.h"

namespace ticketd::sim {

class Simulation {
 public:
  explicit Simulation(const Plan& plan);
  /// With these strengths instead of those that the plan draws. The witness outlives this.
  Simulation(const Plan& plan, const Knobs& knobs, Witness* witness);
  ~Simulation();

  /// Faults, healing, and what must follow. Throws a Violation at the first breach.
  void run();

  /// Runs events for that long.
  void run_for(Micros span);
  /// Asked at first and after so many events; false if it does not hold within the span.
  bool run_until(const std::function<bool()>& condition, Micros span, unsigned events_between = 32);

  Process& process(std::uint32_t index) { return *processes_[index]; }
  const std::vector<std::unique_ptr<Process>>& processes() const { return processes_; }
  Process& add_process(raft::NodeId node);
  /// The running leader of the highest term, or nullptr.
  Process* leader();
  /// One of a lower term that does not know yet that there is leader(), or nullptr.
  Process* former_leader();
  /// In the newest committed configuration.
  bool is_member(const Process& process) const;
  /// Does the leader find it, or it the leader, each asking whom it knows? Who moved and knows
  /// nobody where he is has to be brought back by hand. Requires that it is up.
  bool is_found(const Process& process);
  /// Counts that this fault met that process, as it is.
  void struck(Fault fault, const Process& process);
  /// No more faults, but for those of a minority.
  void heal();
  bool healed() const { return healed_; }

  void trace(std::uint64_t number) { trace_ = (trace_ ^ number) * 0x9e3779b97f4a7c15 + 1; }
  /// Events so far.
  std::uint64_t steps() const { return steps_; }
  /// Equal for two runs of one plan.
  std::uint64_t trace_hash() const { return trace_ ^ (trace_ >> 32); }
  /// With --trace, writes the line to standard error, with time and process.
  bool tells() const { return tells_; }
  void tell_all() { tells_ = true; }
  template <class... Parts>
  void tell(const Process& who, const Parts&... parts) const {
    if (!tells_ && witness == nullptr) return;
    const std::string line = (std::ostringstream() << ... << parts).str();
    if (tells_) write_line(who.index(), line);
    if (witness != nullptr) witness->told(who, line);
  }
  std::string describe() const;

  const Plan plan;
  Knobs knobs;
  EventQueue events;
  Oracle oracle;
  Statistics statistics;
  // Separate streams, so that one more decision here does not change all the others.
  Random network_random, disk_random, owner_random, fault_random, load_random;
  Network network;
  Clients clients;
  Operators operators;
  Faults faults;
  Minority minority;
  std::uint64_t cluster_id = 0;
  Witness* const witness = nullptr;

 private:
  void found();
  void step();
  void dispatch(const Event& event);
  void check_leader(const Process& process) const;
  void write_line(std::uint32_t process, const std::string& line) const;

  std::vector<std::unique_ptr<Process>> processes_;
  std::uint64_t next_address_ = 1;
  bool healed_ = false;
  bool tells_ = false;
  std::uint64_t trace_ = 0;
  std::uint64_t steps_ = 0;
  /// Events in a row at one moment.
  std::uint64_t at_one_moment_ = 0;
};

/// Is the other one where this one's node would dial it? Requires that `process` is up.
bool knows_where(const Process& process, const Process& other);

}  // namespace ticketd::sim
