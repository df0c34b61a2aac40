// Clients: proposals and reads, in bursts, of the leader and of nodes that are none.
#pragma once

#include "tests/raft/cluster_simulation.h"

namespace ticketd::raft::cluster {

class Load {
 public:
  explicit Load(Simulation& simulation);
  void begin();
  /// One proposal; true when it was taken.
  bool propose(Server& server);

 private:
  void burst();
  void read(Server& server);

  Simulation& simulation_;
  Random& random_;
  std::uint64_t next_command_ = 0;
};

}  // namespace ticketd::raft::cluster
