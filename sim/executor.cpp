#include "sim/executor.h"

#include <utility>

#include "sim/disk.h"

namespace ticketd::sim {

void SimulatedExecutor::post(Job job) {
  if (stopped_) return;
  jobs_.push_back(std::move(job));
  if (jobs_.size() == 1) begin();
}

void SimulatedExecutor::begin() { wait(disk_.duration(duty_)); }

void SimulatedExecutor::wait(Micros span) {
  disk_.after(span, [this] { end(); });
}

void SimulatedExecutor::end() {
  if (disk_.hangs()) return wait(disk_.hangs_for());
  if (!disk_.perform_or_fail(jobs_.front(), duty_)) return;  // and with it all that is here
  jobs_.pop_front();
  if (duty_ == Duty::kWrites) disk_.record_written();
  if (busy()) begin();
  disk_.tell_loop();
}

void SimulatedExecutor::set_alarm(std::chrono::microseconds delay, Job job) {
  disk_.after(static_cast<Micros>(delay.count()),
              [this, number = ++alarms_, job = std::move(job)] {
                if (number != alarms_ || stopped_) return;
                disk_.perform(job);
                disk_.tell_loop();
              });
}

void SimulatedExecutor::stop() {
  stopped_ = true;
  for (; busy(); jobs_.pop_front()) {
    disk_.perform(jobs_.front());
    if (duty_ == Duty::kWrites) disk_.record_written();
  }
}

}  // namespace ticketd::sim
