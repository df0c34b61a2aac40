// Something beside the event loop that does one thing after the other: a thread in the server.
#pragma once

#include <chrono>
#include <functional>

namespace ticketd::store {

class Executor {
 public:
  using Job = std::function<void()>;
  virtual ~Executor() = default;

  /// Any thread, also from a job. After stop() it is dropped.
  virtual void post(Job job) = 0;
  /// Runs the job so much later, in place of one that was set before: when it is due it waits for
  /// the job that is under way, and for none that was posted. Any thread.
  virtual void set_alarm(std::chrono::microseconds delay, Job job) = 0;
  /// Finishes the jobs that wait, then ends. Jobs that they post are dropped.
  virtual void stop() = 0;
};

}  // namespace ticketd::store
