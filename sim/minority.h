// Who stays in trouble when everybody else is healed: a cluster must go on without a minority.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "sim/partition.h"
#include "sim/plan.h"

namespace ticketd::sim {

class Process;
class Simulation;

class Minority {
 public:
  explicit Minority(Simulation& simulation);

  /// In half of the runs some members, of those that the cluster can spare in every configuration
  /// that any node may go by, get into troubles that do not end. To be called when all faults have
  /// ended.
  void begin();
  bool holds(const Process& process) const;
  /// It is not started any more.
  bool keeps_down(const Process& process) const;
  std::string describe() const;

 private:
  enum class Trouble : unsigned { kDown, kCutOff, kDeaf, kMute, kFlaps, kPauses, kHungDisk, kCount };
  static const char* to_string(Trouble trouble);

  bool drawn(Trouble trouble, const Process& process) const;
  void afflict(Process& process, Trouble trouble);
  Cuts around(const Process& process, bool in, bool out) const;
  Micros interval();
  void flap(Cuts cuts, bool cut);
  void pause(Process& process);

  Simulation& simulation_;
  Random random_;
  /// A bit for each process.
  std::uint32_t troubled_ = 0, down_ = 0;
  std::string text_;
};

}  // namespace ticketd::sim
