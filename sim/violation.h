// A breach of something that must hold whatever the faults.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace ticketd::sim {

class Violation : public std::runtime_error {
 public:
  explicit Violation(const std::string& what) : std::runtime_error(what) {}
};

/// store::fatal() was called: the process ends at once. A violation, unless its disk was to fail.
class DiskFailed : public Violation {
 public:
  using Violation::Violation;
};

template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  throw Violation(out.str());
}

/// The parts are printed, one behind the other, only when it does not hold.
template <class... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) [[unlikely]] {
    fail(parts...);
  }
}

}  // namespace ticketd::sim
