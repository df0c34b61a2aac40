// Whom a nemesis hurts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jepsen/nemesis.h"

namespace ticketd::jepsen {

using Nodes = std::vector<std::uint32_t>;

/// All of them.
Nodes in_any_order(Ground& ground);
/// As many as a cluster can do without, at least one.
Nodes minority(Ground& ground);
Nodes one(Ground& ground);
/// One to all of them.
Nodes some(Ground& ground);
/// Any node while nobody leads.
Nodes leader(Ground& ground);
/// All but those, in any order.
Nodes besides(Ground& ground, const Nodes& some);

bool all_run(Ground& ground);

/// "node 1, node 3"
std::string words(const Nodes& nodes);

}  // namespace ticketd::jepsen
