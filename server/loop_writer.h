// The disk's writer on the loop's own thread, as long as the disk is quick.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "store/executor.h"
#include "store/worker.h"

namespace ticketd::server {

/// To hand a save to a thread and its end back wakes two threads. On cores that idle each takes
/// about a fifth of the flush itself, and the loop has little to do until the save is done. So the
/// loop's thread does the job.
///
/// But a disk may hang at any time, and then a node has to go on: leave office, answer whom it can
/// answer, refuse the others. So a job that takes longer than `patience` has the loop taken over by
/// a relief thread, until it is done: one thread at a time runs the loop, always. And while jobs
/// take longer than `quick` on average they go to a thread of their own, as on any slow disk the
/// loop has better things to do.
///
/// Signals go to the relief thread, which never waits for the disk: a thread in the midst of a
/// flush hears none.
class LoopWriter final : public store::Executor {
 public:
  struct Limits {
    std::chrono::microseconds patience{5'000};
    std::chrono::microseconds quick{1'000};
  };

  /// `loop` must outlive it, and be run by one thread: the one that makes and destroys this.
  explicit LoopWriter(asio::io_context& loop) : LoopWriter(loop, Limits()) {}
  LoopWriter(asio::io_context& loop, Limits limits);
  /// Stops it.
  ~LoopWriter() override;
  LoopWriter(const LoopWriter&) = delete;
  LoopWriter& operator=(const LoopWriter&) = delete;

  /// It is begun after all that the loop has to do already, so that messages to others go first.
  void post(Job job) override;
  /// Goes off on a thread of its own.
  void set_alarm(std::chrono::microseconds delay, Job job) override {
    worker_.set_alarm(delay, std::move(job));
  }
  /// Not while the loop is run.
  void stop() override;

 private:
  using Clock = std::chrono::steady_clock;

  void post_turn();
  void take_turn();
  void do_and_time(Job job);
  /// Wakes the relief thread when so much time has passed; zero: not at all.
  void set_timer(std::chrono::nanoseconds delay);
  void stand_by();
  void run_loop();
  void wake_relief();
  bool busy();

  asio::io_context& loop_;
  const Limits limits_;
  /// False once stopped: turns that were posted come to nothing. Read and written on the loop.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  int timer_ = -1;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;     // for the loop
  std::size_t waiting_ = 0;  // posted and not done, here or there
  bool on_loop_ = true;      // where those go
  bool busy_ = false;        // the loop's thread is at a job
  bool relieved_ = false;    // the relief thread runs the loop
  bool stopping_ = false;
  std::chrono::nanoseconds average_{0};

  store::Worker worker_;
  std::thread relief_;
  /// On the loop's own thread.
  std::optional<store::SignalsBlocked> signals_blocked_;
};

}  // namespace ticketd::server
