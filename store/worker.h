// A thread that does one thing after the other.
#pragma once

#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "store/executor.h"

namespace ticketd::store {

/// While it stands: signals that somebody sends are for other threads, and for none that is made
/// meanwhile; those of a thread's own faults stay.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

/// Does it. A database that cannot be read, or no memory: nobody above could go on from there, so
/// an exception is fatal().
void do_or_end(const Executor::Job& job);

class Worker final : public Executor {
 public:
  /// More jobs waiting at once is an error of whoever posts them.
  static constexpr std::size_t kJobsMax = 1024;

  Worker();
  /// Stops it.
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(Job job) override;
  void set_alarm(std::chrono::microseconds delay, Job job) override;
  /// Runs a job and waits for it. Not from a job.
  void run(const Job& job);
  void stop() override;

 private:
  using Clock = std::chrono::steady_clock;

  void loop();

  std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<Job> jobs_;
  std::optional<Clock::time_point> alarm_at_;
  Job alarm_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ticketd::store
