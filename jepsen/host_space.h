// Hosts that do not exist: network namespaces with a TUN device each, and nothing else.
//
// A namespace has no name; it lives as long as a process in it or a descriptor of it, so that
// nothing stays behind, however the harness ends. What the kernel of such a host sends comes out of
// the TUN descriptor as an IP packet, and what is written there it receives. The machine's own
// network is neither changed nor reached.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "jepsen/descriptor.h"

namespace ticketd::jepsen {

/// Makes sure that this process may create network namespaces: nothing to do as root; others become
/// root of a user namespace of their own, for all their time. Call it before any thread is started.
/// The error says what the machine forbids.
Status allow_host_spaces();

struct HostSpace {
  /// The namespace, for setns().
  Descriptor space;
  /// Of packets, one for each read() and write(); non-blocking.
  Descriptor tun;
};

/// A host with one network device, of the IPv4 address `address` (a.b.c.d in that order from the
/// highest byte), all of a.b.c.0/24 behind it, and a loopback. Requires allow_host_spaces().
Result<HostSpace> make_host_space(std::uint32_t address);

/// "10.77.0.1"
std::string address_text(std::uint32_t address);

}  // namespace ticketd::jepsen
