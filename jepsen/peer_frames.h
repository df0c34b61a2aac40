// What the nodes say to each other, as far as faults wait for it (docs/protocol.md).
#pragma once

#include <cstddef>

namespace ticketd::jepsen {

/// Whether a frame in this IPv4 packet gives a vote; no rehearsal's. A frame whose header, or whose
/// vote, is spread over several packets is not seen.
bool gives_vote(const unsigned char* packet, std::size_t bytes);

/// Whether a frame in it accepts a connection of another node.
bool welcomes(const unsigned char* packet, std::size_t bytes);

}  // namespace ticketd::jepsen
