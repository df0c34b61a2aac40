// What disturbs a cluster: faults, and operators.
#pragma once

#include "tests/raft/cluster_simulation.h"

namespace ticketd::raft::cluster {

/// Strikes at random until the simulation heals. Every fault but a lost disk ends by itself.
class Faults {
 public:
  explicit Faults(Simulation& simulation);
  void begin();

 private:
  void strike();
  Server* pick();
  Server* pick_up();
  void crash_some();
  void crash_for_a_while(Server& server);
  void partition();
  void cut(MemberId from, MemberId to, bool clogs, Micros length);
  void pause();
  void hang();
  void wipe();
  void lose_connection();
  void depose_unheard();
  Micros span();

  Simulation& simulation_;
  Random& random_;
};

/// Changes the membership and moves leadership until the simulation heals.
class Operators {
 public:
  explicit Operators(Simulation& simulation);
  void begin();
  /// One step of mending after the faults: the members whose disks are lost are removed.
  /// True when nothing is left to mend in the leader's configuration.
  bool mend(Server& leader);

 private:
  void act();
  void add(Server& leader);
  void replace(Server& leader);
  void take_identity(Server& leader);
  void remove(Server& leader);
  void change_addresses(Server& leader);
  void transfer(Server& leader);
  void admit(Server& leader, const raft::Member& member, bool replaces);

  Simulation& simulation_;
  Random& random_;
  std::uint64_t next_node_ = 100;
  std::uint64_t next_token_ = 1;
};

/// Whether more than half of all members still have their disks: then no sequence of the changes
/// that the configuration announces can lose the majority. `voters_only` counts neither learners,
/// whose promotion is not certain, nor voters that are about to be replaced.
bool enough_live(Simulation& simulation, const Configuration& configuration,
                 std::optional<MemberId> also_lost, bool voters_only);

}  // namespace ticketd::raft::cluster
