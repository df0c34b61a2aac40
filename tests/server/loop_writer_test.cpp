#include "server/loop_writer.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace ticketd::server {
namespace {

using std::chrono::microseconds;

constexpr microseconds kEver = std::chrono::hours(1);
constexpr microseconds kNever{-1};

struct Fixture {
  asio::io_context loop{1};
  std::vector<std::string> done;
  std::vector<std::thread::id> threads;

  /// As events do: not from the loop's own thread.
  void come(const std::function<void()>& event) {
    std::thread([&] { asio::post(loop, event); }).join();
  }
  LoopWriter::Job note(const std::string& name) {
    return [this, name] {
      done.push_back(name);
      threads.push_back(std::this_thread::get_id());
    };
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a quick disk is written by the loop, behind all that it had to do") {
  LoopWriter writer(loop, {.patience = kEver, .quick = kEver});
  asio::post(loop, [&] {
    writer.post(note("first save"));
    writer.post(note("second save"));
    asio::post(loop, note("message"));
  });
  asio::post(loop, note("request"));
  loop.run();
  CHECK(done == std::vector<std::string>{"request", "message", "first save", "second save"});
  CHECK(threads == std::vector(4, std::this_thread::get_id()));
}

TEST_CASE_FIXTURE(Fixture, "while a job hangs the loop goes on, on one other thread at a time") {
  LoopWriter writer(loop, {.patience = microseconds(1), .quick = kEver});
  auto work = asio::make_work_guard(loop);
  std::promise<void> disk;
  const std::thread::id own = std::this_thread::get_id();
  asio::post(loop, [&] {
    writer.post([&] {
      come(note("during"));
      come([&] { asio::post(loop, [&] { disk.set_value(); }); });
      disk.get_future().wait();
      note("saved")();
      asio::post(loop, [&] {
        note("after")();
        work.reset();
      });
    });
  });
  loop.run();
  CHECK(done == std::vector<std::string>{"during", "saved", "after"});
  CHECK(threads[0] != own);
  CHECK(threads[1] == own);
  CHECK(threads[2] == own);
}

TEST_CASE_FIXTURE(Fixture, "while a job hangs timers go off, and the next job waits for it") {
  LoopWriter writer(loop, {.patience = microseconds(1), .quick = kEver});
  auto work = asio::make_work_guard(loop);
  asio::steady_timer timer(loop);
  std::promise<void> disk;
  asio::post(loop, [&] {
    writer.post([&] {
      come([&] {
        writer.post([&] {
          note("second save")();
          work.reset();
        });
        timer.expires_after(microseconds(1));
        timer.async_wait([&](asio::error_code) {
          note("timer")();
          disk.set_value();
        });
      });
      disk.get_future().wait();
      note("first save")();
    });
  });
  loop.run();
  CHECK(done == std::vector<std::string>{"timer", "first save", "second save"});
  CHECK(threads[0] != std::this_thread::get_id());
  CHECK(threads[2] == std::this_thread::get_id());
}

TEST_CASE_FIXTURE(Fixture, "a slow disk is written by a thread of its own, in order") {
  LoopWriter writer(loop, {.patience = kEver, .quick = kNever});
  std::promise<void> both;
  writer.post(note("first"));
  writer.post([&] {
    note("second")();
    both.set_value();
  });
  both.get_future().wait();
  CHECK(done == std::vector<std::string>{"first", "second"});
  CHECK(threads[0] != std::this_thread::get_id());
  CHECK(threads[1] == threads[0]);
}

TEST_CASE_FIXTURE(Fixture, "what waits when it is stopped is done, whether the loop runs or not") {
  LoopWriter writer(loop, {.patience = kEver, .quick = kEver});
  writer.post(note("waiting"));
  writer.stop();
  CHECK(done == std::vector<std::string>{"waiting"});
  writer.post(note("late"));
  loop.run();
  CHECK(done.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a loop that runs when the writer is gone meets nothing of it") {
  std::optional<LoopWriter> writer(std::in_place, loop);
  writer->post(note("waiting"));
  writer.reset();
  loop.run();
  CHECK(done == std::vector<std::string>{"waiting"});
}

TEST_CASE_FIXTURE(Fixture, "a loop that is stopped while a job hangs ends after the job") {
  LoopWriter writer(loop, {.patience = microseconds(1), .quick = kEver});
  auto work = asio::make_work_guard(loop);
  std::promise<void> disk;
  asio::post(loop, [&] {
    writer.post([&] {
      come([&] {
        loop.stop();
        disk.set_value();
      });
      disk.get_future().wait();
      note("saved")();
    });
  });
  loop.run();
  CHECK(done == std::vector<std::string>{"saved"});
}

TEST_CASE_FIXTURE(Fixture, "signals are not for the loop's own thread while it stands") {
  const auto blocked = [] {
    sigset_t here;
    REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &here) == 0);
    return sigismember(&here, SIGTERM) == 1;
  };
  REQUIRE_FALSE(blocked());
  {
    const LoopWriter writer(loop);
    CHECK(blocked());
  }
  CHECK_FALSE(blocked());
}

TEST_CASE_FIXTURE(Fixture, "alarms go off on another thread") {
  LoopWriter writer(loop);
  std::promise<std::thread::id> rang;
  writer.set_alarm(microseconds(1), [&] { rang.set_value(std::this_thread::get_id()); });
  CHECK(rang.get_future().get() != std::this_thread::get_id());
}

}  // namespace ticketd::server
