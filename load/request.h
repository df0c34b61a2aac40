// The bytes of requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "load/work.h"

namespace ticketd::load {

/// Writes the requests of some work, one behind the other, without an allocation for each.
class RequestWriter {
 public:
  /// `host` goes into the Host header.
  RequestWriter(const Work& work, std::string_view host);

  void append_to(std::string& out);

 private:
  std::uint64_t next_key();

  std::uint64_t keys_;
  /// Next to the golden section of keys_ and without a common divisor: steps of that size, round
  /// and round, come to every key.
  std::uint64_t stride_;
  std::uint64_t key_ = 0;
  std::string request_;
  /// Where the number of a key goes, when there are several.
  std::size_t digits_at_ = 0;
};

/// A request that any node but the leader redirects and that changes nothing, for work whose own
/// requests are answered by any node. Empty: the work's own requests do that, or nobody can.
std::string leader_probe(const Work& work, std::string_view host);

}  // namespace ticketd::load
