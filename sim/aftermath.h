// What must follow when the faults have ended, within bounds: a leader, answers for every client,
// one state and one membership, an answer to each kind of request at each node, and then rest.
#pragma once

#include <cstdint>
#include <string>

#include "sim/plan.h"

namespace ticketd::sim {

class Process;
class Simulation;

/// Throws a Violation at the first thing that does not come. What is said of nodes is said of the
/// healthy ones: the minority that stays in trouble owes nothing.
class Aftermath {
 public:
  explicit Aftermath(Simulation& simulation);

  /// After Simulation::heal().
  void run();

 private:
  void await_leader();
  bool somebody_installs() const;
  void await_quiet();
  Micros catching_up() const;
  Micros to_converge() const;
  void await_convergence();
  void await_rest();
  /// Somebody healthy leads.
  bool leads_well() const;
  /// And has committed in its term.
  bool serves_well() const;
  std::string unsettled() const;
  std::string unsettled(const Process& process) const;
  std::string unsettled_member(const Process& process) const;
  bool could_be_told(const Process& process) const;

  Simulation& simulation_;
  const Micros healed_at_;
};

}  // namespace ticketd::sim
