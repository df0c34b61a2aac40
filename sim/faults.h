// What disturbs a cluster. Every fault but a lost disk ends by itself.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/partition.h"
#include "sim/plan.h"

namespace ticketd::sim {

class Process;
class Simulation;

class Faults {
 public:
  explicit Faults(Simulation& simulation);

  /// Strikes at random until the simulation heals.
  void begin();
  void crash_for_a_while(Process& process);
  /// With its machine at times, when all of the cluster is below durability high.
  void crash_in_write(Process& process);
  /// Its disk is gone for good: with an empty one it joins in place of its former self, in a while.
  /// Requires that it is down.
  void replace(Process& process);

 private:
  struct Kind {
    Fault fault;
    void (Faults::*strike)();
  };

  void strike();
  Process& pick();
  Process* pick_up();
  Micros span();
  void crash();
  void stop();
  /// Once it has stopped, which may take longer.
  void restart_after(Process& process, Micros delay);
  void partition();
  void cut(const Cuts& cuts);
  void mend(const Cuts& cuts);
  void flap(Cuts cuts, Micros until);
  void usurp();
  void cut_off(const Process& leader, std::uint64_t leaders);
  void cut_answered(const Process& leader, const Cuts& cuts);
  void clog();
  void pause();
  void hang();
  void io_error();
  void fill();
  bool may_lose_disk(const Process& process) const;
  void wipe();
  void cut_power();
  /// False: the cluster cannot bear it now.
  bool cut_power_of(Process& process);
  void rot();
  void jump();

  Simulation& simulation_;
  Random& random_;
};

}  // namespace ticketd::sim
