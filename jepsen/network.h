// A network of hosts on this machine, every link of which can be hurt, by direction.
//
// Each host is a network namespace (host_space.h), the router carries packets between them
// (router.h). TCP is the kernel's own. Clients need a host as well, so that their links are hurt
// like others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "jepsen/host_space.h"
#include "jepsen/link.h"
#include "jepsen/router.h"

namespace ticketd::jepsen {

class Network {
 public:
  static constexpr std::size_t kHostsMax = 250;

  /// Requires allow_host_spaces(), and at most kHostsMax hosts, which are numbered from 0. `seed`
  /// draws what faults hit.
  static Result<std::unique_ptr<Network>> create(std::size_t hosts, std::uint64_t seed);

  std::size_t size() const { return hosts_.size(); }

  /// As in "10.77.0.1".
  std::string address(std::size_t host) const;

  /// The host's namespace: a descriptor for setns(). Processes that were started there stay there.
  int space(std::size_t host) const;

  /// From now on the calling thread's sockets are the host's. Those it made before stay where they
  /// are.
  Status enter(std::size_t host) const;

  Router& links() { return *router_; }

  /// No link has a fault.
  void heal();

 private:
  Network() = default;

  std::vector<HostSpace> hosts_;
  std::unique_ptr<Router> router_;  // goes before the devices do
};

}  // namespace ticketd::jepsen
