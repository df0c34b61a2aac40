// Nemeses of disks and clocks: all of them need nodes that preload the shim.
#pragma once

#include <string>
#include <vector>

#include "jepsen/nemesis.h"

namespace ticketd::jepsen {

const std::vector<Nemesis>& machine_nemeses();

/// Disks and clocks work again.
void heal_machines(Ground& ground);

/// A node whose disk failed has ended for that, or else that is a complaint; what it had not synced
/// is lost in part before it is started again.
Status recover_failing(Ground& ground, std::vector<std::string>& complaints);

/// Starts the nodes whose files were damaged. One that refuses them, and says so, loses them and
/// joins again with --replace; any other end is a complaint. Requires that the others run.
Status recover_rotten(Ground& ground, std::vector<std::string>& complaints);

}  // namespace ticketd::jepsen
