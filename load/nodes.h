// The servers there are, and which of them to ask.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ticketd::load {

/// The nodes that were given and those that others named as their leader. Names are resolved once;
/// that blocks.
class Nodes {
 public:
  struct Node {
    /// HOST:PORT, canonical.
    std::string name;
    sockaddr_storage address{};
    socklen_t address_bytes = 0;
  };

  /// At least one, each HOST:PORT.
  static Result<Nodes> resolve(const std::vector<std::string>& names);

  /// Which one to ask, as far as is known.
  std::size_t current() const { return current_; }
  const Node& at(std::size_t place) const { return nodes_[place]; }

  /// That node answered.
  void answered(std::size_t place) { current_ = place; }
  /// That node did not answer, or knows no leader. If it is the current one, the next one is.
  void failed(std::size_t place);
  /// Somebody says that HOST:PORT leads. False when that is no address.
  bool leads(std::string_view name);

 private:
  std::vector<Node> nodes_;
  std::size_t current_ = 0;
};

}  // namespace ticketd::load
