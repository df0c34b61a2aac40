// What disturbs a cluster. Every fault but a lost disk ends by itself.
#pragma once

#include <cstdint>
#include <vector>

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
  void partition();
  void clog();
  void pause();
  void hang();
  void io_error();
  void fill();
  void wipe();
  void jump();

  Simulation& simulation_;
  Random& random_;
};

}  // namespace ticketd::sim
