// One message of every kind, with every field set to something that shows.
#pragma once

#include <string>
#include <vector>

#include "net/message.h"

namespace ticketd::net {

struct Sample {
  /// "Hello", "Request Take": the heading of its section in docs/protocol.md.
  std::string name;
  Frame frame;
};

const std::vector<Sample>& samples();
const Frame& sample(const std::string& name);

/// A configuration of two voters and a learner that replaces one of them.
raft::Configuration sample_configuration();

}  // namespace ticketd::net
