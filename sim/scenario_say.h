// Lines of a scenario's transcript, for the files that write some.
#pragma once

#include <sstream>

#include "sim/scenario.h"

namespace ticketd::sim {

template <class... Parts>
void Scenario::say(const Parts&... parts) {
  if (silent_) return;
  std::ostringstream out;
  (out << ... << parts);
  transcript_ += std::move(out).str() + '\n';
}

}  // namespace ticketd::sim
