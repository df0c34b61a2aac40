// A thread that does one thing after the other.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace ticketd::store {

class Worker {
 public:
  using Job = std::function<void()>;
  using Clock = std::chrono::steady_clock;
  /// More jobs waiting at once is an error of whoever posts them.
  static constexpr std::size_t kJobsMax = 1024;

  Worker();
  /// Stops it.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Any thread, also from a job. After stop() it is dropped.
  void post(Job job);
  /// Runs the job at that moment, in place of one that was set before. Any thread.
  void set_alarm(Clock::time_point when, Job job);
  /// Runs a job and waits for it. Not from a job.
  void run(const Job& job);
  /// Finishes the jobs that wait, then the thread. Jobs that they post are dropped.
  void stop();

 private:
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
