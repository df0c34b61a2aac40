#include "jepsen/network.h"

#include <sched.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

constexpr std::uint32_t kFirstAddress = 10U << 24 | 77U << 16 | 1;  // 10.77.0.1

}  // namespace

Result<std::unique_ptr<Network>> Network::create(std::size_t hosts, std::uint64_t seed) {
  ENSURE_LE(hosts, kHostsMax);
  std::unique_ptr<Network> network(new Network);
  std::vector<int> tuns;
  for (std::uint32_t host = 0; host < hosts; ++host) {
    auto made = make_host_space(kFirstAddress + host);
    if (!made.ok()) return made.error();
    tuns.push_back(made->tun.get());
    network->hosts_.push_back(std::move(*made));
  }
  network->router_ = std::make_unique<Router>(std::move(tuns), kFirstAddress, seed);
  if (Status started = network->router_->start(); !started.ok()) return started.error();
  return network;
}

std::string Network::address(std::size_t host) const {
  ENSURE_LT(host, size());
  return address_text(kFirstAddress + static_cast<std::uint32_t>(host));
}

int Network::space(std::size_t host) const {
  ENSURE_LT(host, size());
  return hosts_[host].space.get();
}

Status Network::enter(std::size_t host) const {
  if (::setns(space(host), CLONE_NEWNET) != 0) {
    return Error{std::string("cannot enter a network namespace: ") + std::strerror(errno)};
  }
  return {};
}

void Network::heal() {
  for (std::size_t from = 0; from < size(); ++from) {
    for (std::size_t to = 0; to < size(); ++to) router_->set_faults(from, to, {});
  }
}

}  // namespace ticketd::jepsen
