// One thread of a simulated disk, in virtual time.
#pragma once

#include <cstdint>
#include <deque>

#include "sim/plan.h"
#include "store/executor.h"

namespace ticketd::sim {

class SimulatedDisk;

/// Does its jobs one after the other. Each takes some time, at the end of which all that it does
/// happens at once.
class SimulatedExecutor final : public store::Executor {
 public:
  enum class Duty : std::uint8_t { kWrites, kCheckpoints, kReads };

  SimulatedExecutor(SimulatedDisk& disk, Duty duty) : disk_(disk), duty_(duty) {}

  void post(Job job) override;
  void set_alarm(std::chrono::microseconds delay, Job job) override;
  void stop() override;

  /// Is a job under way?
  bool busy() const { return !jobs_.empty(); }
  /// What the job that is under way does. Requires busy().
  const Job& job() const { return jobs_.front(); }

 private:
  void begin();
  void wait(Micros span);
  void end();

  SimulatedDisk& disk_;
  const Duty duty_;
  std::deque<Job> jobs_;
  /// Counts alarms set: only the newest rings.
  std::uint64_t alarms_ = 0;
  bool stopped_ = false;
};

}  // namespace ticketd::sim
