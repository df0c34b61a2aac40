// A voter that dies as soon as it has voted.
#pragma once

#include <string>

#include "jepsen/nemesis.h"

namespace ticketd::jepsen {

/// Two halves of a cluster lose their leader at one moment and see each other no more, so that only
/// the vote of the one node between them makes a leader: that is the leader of before, which comes
/// back. It dies as soon as it has voted for one half, and comes back once more. The other half has
/// begun to ask in the same term, but its disks hang until then: a node asks when its vote for
/// itself is durable. Who has forgotten its vote gives it again, and there are two leaders in one
/// term, as soon as the voter hears from the first half again.
///
/// Several elections, since the halves have to ask at about the same time. Needs the network and
/// the shim.
std::string kill_voter(Ground& ground);

}  // namespace ticketd::jepsen
