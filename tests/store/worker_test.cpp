#include "store/worker.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <future>
#include <string>
#include <utility>

namespace ticketd::store::testing {

TEST_CASE("signals are for the other threads, not for a worker's") {
  sigset_t here_before;
  REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &here_before) == 0);
  Worker worker;
  sigset_t there;
  sigemptyset(&there);
  worker.run([&] { pthread_sigmask(SIG_SETMASK, nullptr, &there); });
  sigset_t here;
  REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &here) == 0);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGALRM}) {
    CHECK(sigismember(&there, number) == 1);
    CHECK(sigismember(&here, number) == sigismember(&here_before, number));
  }
  CHECK(sigismember(&there, SIGSEGV) == 0);
}

TEST_CASE("an alarm that is due goes before the jobs that wait, another one holds up none") {
  using std::chrono::microseconds;
  const std::pair<microseconds, std::string> cases[] = {{microseconds(0), "ajjj"},
                                                        {std::chrono::hours(1), "jjj"}};
  for (const auto& [delay, order] : cases) {
    std::string done;  // the worker's until it has stopped
    std::promise<void> begin;
    Worker worker;
    worker.post([begun = begin.get_future().share()] { begun.wait(); });
    for (int i = 0; i < 3; ++i) {
      worker.post([&] { done += 'j'; });
    }
    worker.set_alarm(delay, [&] { done += 'a'; });
    begin.set_value();
    worker.run([] {});
    worker.stop();
    CHECK(done == order);
  }
}

}  // namespace ticketd::store::testing
