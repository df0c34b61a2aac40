#include "store/worker.h"

#include <exception>
#include <future>
#include <utility>

#include "base/check.h"
#include "store/durable.h"

namespace ticketd::store {

SignalsBlocked::SignalsBlocked() {
  sigset_t sent;
  sigfillset(&sent);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
    sigdelset(&sent, fault);
  }
  ENSURE_EQ(pthread_sigmask(SIG_BLOCK, &sent, &before_), 0);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void do_or_end(const Executor::Job& job) {
  try {
    job();
  } catch (const std::exception& error) {
    fatal(error.what());
  }
}

Worker::Worker() {
  const SignalsBlocked blocked;  // the thread inherits it
  thread_ = std::thread([this] { loop(); });
}

Worker::~Worker() { stop(); }

void Worker::post(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return;
    }
    ENSURE_LT(jobs_.size(), kJobsMax);
    jobs_.push_back(std::move(job));
  }
  woken_.notify_one();
}

void Worker::set_alarm(std::chrono::microseconds delay, Job job) {
  {
    const std::lock_guard lock(mutex_);
    alarm_at_ = Clock::now() + delay;
    alarm_ = std::move(job);
  }
  woken_.notify_one();
}

void Worker::run(const Job& job) {
  std::promise<void> done;
  post([&] {
    job();
    done.set_value();
  });
  done.get_future().wait();
}

void Worker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    alarm_at_ = std::nullopt;
  }
  woken_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Worker::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    Job job;
    if (alarm_at_ && Clock::now() >= *alarm_at_) {
      job = std::exchange(alarm_, nullptr);
      alarm_at_ = std::nullopt;
    } else if (!jobs_.empty()) {
      job = std::move(jobs_.front());
      jobs_.pop_front();
    } else if (stopping_) {
      return;
    } else if (alarm_at_) {
      const Clock::time_point until = *alarm_at_;
      woken_.wait_until(lock, until);
      continue;
    } else {
      woken_.wait(lock);
      continue;
    }
    lock.unlock();
    do_or_end(job);
    job = nullptr;  // what it holds goes on this thread, outside the lock
    lock.lock();
  }
}

}  // namespace ticketd::store
