#include "server/loop_writer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace ticketd::server {
namespace {

/// A job counts for so much of the average.
constexpr int kWeight = 8;

}  // namespace

LoopWriter::LoopWriter(asio::io_context& loop, Limits limits)
    : loop_(loop), limits_(limits), timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
  if (timer_ < 0) {
    throw std::system_error(errno, std::generic_category(), "timerfd_create");
  }
  relief_ = std::thread([this] { stand_by(); });
  signals_blocked_.emplace();
}

LoopWriter::~LoopWriter() {
  stop();
  ::close(timer_);
}

void LoopWriter::post(Job job) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  // All that wait go one way, so that they keep their order.
  if (waiting_ == 0) on_loop_ = average_ <= limits_.quick;
  ++waiting_;
  if (on_loop_) {
    jobs_.push_back(std::move(job));
    post_turn();
  } else {
    worker_.post([this, job = std::move(job)]() mutable { do_and_time(std::move(job)); });
  }
}

void LoopWriter::post_turn() {
  // Posted again by itself it stands behind what the present handler has still to post.
  asio::post(loop_, [this, &loop = loop_, alive = alive_] {
    asio::post(loop, [this, alive] {
      if (*alive) take_turn();
    });
  });
}

void LoopWriter::take_turn() {
  Job job;
  {
    const std::lock_guard lock(mutex_);
    // The relief thread leaves them to the loop's own, or nobody could relieve it.
    if (busy_ || relieved_ || jobs_.empty()) return;
    job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
  }
  set_timer(limits_.patience);
  do_and_time(std::move(job));
  set_timer(std::chrono::nanoseconds(0));
  std::unique_lock lock(mutex_);
  busy_ = false;
  if (relieved_) wake_relief();
  changed_.wait(lock, [this] { return !relieved_; });
  if (!jobs_.empty()) post_turn();
}

void LoopWriter::do_and_time(Job job) {
  const Clock::time_point began = Clock::now();
  store::do_or_end(job);
  const std::chrono::nanoseconds took = Clock::now() - began;
  const std::lock_guard lock(mutex_);
  average_ += (took - average_) / kWeight;
  --waiting_;
}

// --- Relief --------------------------------------------------------------------------------------

void LoopWriter::set_timer(std::chrono::nanoseconds delay) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay);
  itimerspec when{};
  when.it_value.tv_sec = seconds.count();
  when.it_value.tv_nsec = (delay - seconds).count();
  ENSURE_EQ(::timerfd_settime(timer_, 0, &when, nullptr), 0);
}

void LoopWriter::stand_by() {
  while (true) {
    std::uint64_t times = 0;
    // Interrupted or woken too late: it is looked at below what there is to do.
    [[maybe_unused]] const ssize_t read = ::read(timer_, &times, sizeof times);
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    if (!busy_) continue;
    relieved_ = true;
    lock.unlock();
    run_loop();
    lock.lock();
    relieved_ = false;
    changed_.notify_all();
  }
}

void LoopWriter::run_loop() {
  while (busy()) {
    if (loop_.stopped()) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !busy_; });
    } else {
      store::do_or_end([this] { loop_.run_one(); });
    }
  }
}

void LoopWriter::wake_relief() {
  changed_.notify_all();
  // From the loop's own thread an event would wait there until this handler has returned.
  worker_.post([&loop = loop_] { asio::post(loop, [] {}); });
}

bool LoopWriter::busy() {
  const std::lock_guard lock(mutex_);
  return busy_;
}

void LoopWriter::stop() {
  std::deque<Job> rest;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
    ENSURE(!busy_);
    rest = std::move(jobs_);
  }
  *alive_ = false;
  for (const Job& job : rest) store::do_or_end(job);
  worker_.stop();
  set_timer(std::chrono::nanoseconds(1));
  relief_.join();
  signals_blocked_.reset();
}

}  // namespace ticketd::server
