// Who watches a run, beside the oracle: a scenario, which tells what it sees, and which may hold
// frames back. Nothing here may change what a run does.
#pragma once

#include <cstdint>
#include <string>

#include "raft/ready.h"

namespace ticketd::sim {

class Process;
enum class Lane : std::uint8_t;

class Witness {
 public:
  virtual ~Witness() = default;

  /// What Simulation::tell() says of that process.
  virtual void told(const Process& process, const std::string& line) = 0;
  /// After every event of that process.
  virtual void settled(const Process& process) = 0;
  /// Its replica is no more.
  virtual void went_down(const Process& process, std::uint32_t life) = 0;
  /// About to become durable there.
  virtual void saves(std::uint32_t process, const raft::Save& save) = 0;
  /// About to be put in force there.
  virtual void installs(std::uint32_t process, raft::SnapshotMark mark) = 0;
  /// A frame is sent. `cut`: it does not arrive. Otherwise, with true, its slot is the witness's,
  /// who gives it back by Network::release() or drop().
  virtual bool takes(std::uint32_t slot, std::uint32_t from, std::uint32_t to, Lane lane,
                     const std::string& frame, bool cut) = 0;
};

}  // namespace ticketd::sim
