#include "load/nodes.h"

#include <netdb.h>

#include <algorithm>
#include <cstring>

#include "base/address.h"

namespace ticketd::load {
namespace {

Result<Nodes::Node> resolve_one(std::string_view text) {
  const Result<Address> address = parse_address(text);
  if (!address) {
    return address.error();
  }
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int fault =
      getaddrinfo(address->host.c_str(), std::to_string(address->port).c_str(), &wanted, &found);
  if (fault != 0) {
    return Error{"cannot resolve " + to_string(*address) + ": " + gai_strerror(fault)};
  }
  Nodes::Node node{to_string(*address), {}, found->ai_addrlen};
  std::memcpy(&node.address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return node;
}

}  // namespace

Result<Nodes> Nodes::resolve(const std::vector<std::string>& names) {
  Nodes nodes;
  for (const std::string& name : names) {
    Result<Node> node = resolve_one(name);
    if (!node) {
      return node.error();
    }
    nodes.nodes_.push_back(*std::move(node));
  }
  ENSURE(!nodes.nodes_.empty());
  return nodes;
}

void Nodes::failed(std::size_t place) {
  if (place == current_) {
    current_ = (current_ + 1) % nodes_.size();
  }
}

bool Nodes::leads(std::string_view name) {
  const auto known = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const Node& node) { return node.name == name; });
  if (known != nodes_.end()) {
    current_ = static_cast<std::size_t>(known - nodes_.begin());
    return true;
  }
  Result<Node> node = resolve_one(name);
  if (!node) {
    return false;
  }
  // A name that is written in two ways is known by both: no harm is in that.
  nodes_.push_back(*std::move(node));
  current_ = nodes_.size() - 1;
  return true;
}

}  // namespace ticketd::load
