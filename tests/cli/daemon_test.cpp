#include "cli/daemon.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <functional>

#include "tests/cli/temporary_directory.h"

namespace ticketd::cli {
namespace {

using Serving = std::function<void()>;

/// What became of a process that called run_in_background, as the process that started it sees it.
struct Outcome {
  int code = -1;
  std::string standard_error;
};

/// A process of its own, since signal handlers and descriptors are changed for good. `meanwhile` is
/// called with its id.
Outcome started(const TemporaryDirectory& directory, const DaemonBody& body,
                const std::function<void(pid_t)>& meanwhile = {}) {
  const std::string errors = directory / "stderr";
  std::fflush(nullptr);  // or the child prints again what waits to be printed
  const pid_t starter = ::fork();
  if (starter == 0) {
    const int file = ::open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(file, STDERR_FILENO);
    const Result<int> code = run_in_background(directory / "log", body);
    if (!code) {
      std::fputs(code.error().message.c_str(), stderr);
    }
    ::_exit(code ? *code : 99);
  }
  if (meanwhile) {
    meanwhile(starter);
  }
  int status = 0;
  ::waitpid(starter, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(errors)};
}

/// A pipe that says when the other side is at some point.
class Meeting {
 public:
  Meeting() { REQUIRE(::pipe(ends_.data()) == 0); }
  ~Meeting() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void reached(char what = '.') const { REQUIRE(::write(ends_[1], &what, 1) == 1); }
  char wait() const {
    char what = 0;
    REQUIRE(::read(ends_[0], &what, 1) == 1);
    return what;
  }

 private:
  std::array<int, 2> ends_{};
};

TEST_CASE("the starter is told 0 when the daemon serves, which then goes on by itself") {
  const TemporaryDirectory directory;
  const Meeting go_on;
  const Meeting done;
  const Outcome outcome = started(directory, [&](const Serving& serving) {
    serving();
    go_on.wait();
    std::fputs("late\n", stderr);
    done.reached();
    return 5;
  });
  CHECK(outcome.code == 0);
  CHECK(outcome.standard_error.empty());
  go_on.reached();
  done.wait();
  CHECK(read_file(directory / "log") == "late\n");
}

TEST_CASE("a daemon that ends before it serves gives its code and its errors to the starter") {
  const TemporaryDirectory directory;
  std::ofstream(directory / "log") << "from an earlier time\n";
  const Outcome outcome = started(directory, [](const Serving&) {
    std::fputs("the port is taken\n", stderr);
    return 3;
  });
  CHECK(outcome.code == 3);
  CHECK(outcome.standard_error == "the port is taken\n");
  CHECK(read_file(directory / "log") == "from an earlier time\nthe port is taken\n");
}

TEST_CASE("a daemon that stops in good order before it serves is an error") {
  const TemporaryDirectory directory;
  const Outcome outcome = started(directory, [](const Serving&) { return 0; });
  CHECK(outcome.code == 1);
  CHECK(outcome.standard_error.find("stopped before it served") != std::string::npos);
}

TEST_CASE("a daemon that a signal ends before it serves is an error") {
  const TemporaryDirectory directory;
  const Outcome outcome = started(directory, [](const Serving&) {
    ::raise(SIGKILL);
    return 0;
  });
  CHECK(outcome.code == 1);
  CHECK(outcome.standard_error.find("ended by signal 9") != std::string::npos);
}

TEST_CASE("a daemon has a session of its own, no input, and its working directory") {
  const TemporaryDirectory directory;
  const std::string here = std::filesystem::current_path().string();
  const Outcome outcome = started(directory, [&](const Serving&) {
    char byte = 0;
    const bool own_session = ::getsid(0) == ::getpid();
    const bool no_input = ::read(STDIN_FILENO, &byte, 1) == 0;
    const bool output_goes_nowhere = ::write(STDOUT_FILENO, "x", 1) == 1;
    const bool stayed = std::filesystem::current_path().string() == here;
    return own_session && no_input && output_goes_nowhere && stayed ? 42 : 43;
  });
  CHECK(outcome.code == 42);
}

volatile sig_atomic_t last_signal = 0;

TEST_CASE("signals to the waiting starter end the daemon") {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    CAPTURE(number);
    const TemporaryDirectory directory;
    const Meeting ready;
    const auto body = [&](const Serving&) {
      last_signal = 0;
      sigset_t all;
      sigset_t usual;
      ::sigfillset(&all);
      ::sigprocmask(SIG_BLOCK, &all, &usual);
      for (const int caught : {SIGINT, SIGTERM, SIGHUP}) {
        ::signal(caught, [](int received) { last_signal = received; });
      }
      ready.reached();
      while (last_signal == 0) {
        ::sigsuspend(&usual);
      }
      return 100 + last_signal;
    };
    const Outcome outcome = started(directory, body, [&](pid_t starter) {
      ready.wait();
      ::kill(starter, number);
    });
    CHECK(outcome.code == 100 + number);
  }
}

TEST_CASE("a log that cannot be opened is an error that names it") {
  const TemporaryDirectory directory;
  const Result<int> code =
      run_in_background(directory / "missing/log", [](const Serving&) { return 0; });
  REQUIRE_FALSE(code.ok());
  CHECK(code.error().message.find("missing/log") != std::string::npos);
}

}  // namespace
}  // namespace ticketd::cli
