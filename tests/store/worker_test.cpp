#include "store/worker.h"

#include <doctest/doctest.h>
#include <signal.h>

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

}  // namespace ticketd::store::testing
