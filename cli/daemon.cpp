#include "cli/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "cli/console.h"

namespace ticketd::cli {
namespace {

/// At most so much of the log is repeated: a reason is in its last lines.
constexpr off_t kRepeatedBytesMax = 64 << 10;

/// For the signal handler, which has nothing else to go by.
volatile pid_t child_of_parent = 0;

void pass_on(int signal_number) {
  const int saved = errno;
  ::kill(child_of_parent, signal_number);
  errno = saved;
}

constexpr std::array<int, 3> kEndingSignals = {SIGINT, SIGTERM, SIGHUP};

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kEndingSignals) {
    sigaddset(&set, number);
  }
  return set;
}

/// Those that were ignored stay so (nohup).
void pass_ending_signals_on() {
  for (const int number : kEndingSignals) {
    struct sigaction before {};
    ::sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) {
      struct sigaction action {};
      action.sa_handler = pass_on;
      action.sa_flags = SA_RESTART;
      ::sigaction(number, &action, nullptr);
    }
  }
}

Error system_error(const std::string& what, int code) {
  return Error{"cannot " + what + ": " + std::strerror(code)};
}

/// A descriptor that is closed in the end.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) = delete;
  ~Descriptor() { close(); }

  int number() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

Status put_in_place(int descriptor, int standard) {
  return ::dup2(descriptor, standard) < 0 ? Status(system_error("redirect", errno)) : Status();
}

Status detach(int log) {
  if (::setsid() < 0) {
    return system_error("begin a session", errno);
  }
  const Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null.number() < 0) {
    return system_error("open /dev/null", errno);
  }
  for (const auto& [from, to] :
       {std::pair(null.number(), STDIN_FILENO), std::pair(null.number(), STDOUT_FILENO),
        std::pair(log, STDERR_FILENO)}) {
    if (Status placed = put_in_place(from, to); !placed) {
      return placed;
    }
  }
  return {};
}

[[noreturn]] void be_child(int log, Descriptor pipe, const DaemonBody& body) {
  int code = 1;
  if (Status detached = detach(log); !detached) {
    print_error(detached.error().message);
  } else {
    code = body([&pipe] {
      const char serving = 1;
      // When the parent is gone nobody reads it. No SIGPIPE comes even so: the child has inherited
      // the reading end, and keeps it.
      [[maybe_unused]] const ssize_t written = ::write(pipe.number(), &serving, 1);
      pipe.close();
    });
  }
  // Destructors of what the parent built before the fork are the parent's to run.
  std::fflush(nullptr);
  ::_exit(code);
}

/// Copies what was appended to the log since `from`.
void repeat_log(int log, off_t from) {
  struct stat now {};
  if (::fstat(log, &now) != 0) {
    return;
  }
  off_t at = std::max(from, now.st_size - kRepeatedBytesMax);
  std::array<char, 4096> bytes{};
  for (ssize_t count; (count = ::pread(log, bytes.data(), bytes.size(), at)) > 0; at += count) {
    std::fwrite(bytes.data(), 1, static_cast<std::size_t>(count), stderr);
  }
}

/// Did the child say that it serves? False: it ended.
bool heard_serving(int pipe) {
  char byte = 0;
  ssize_t count = 0;
  do {
    count = ::read(pipe, &byte, 1);
  } while (count < 0 && errno == EINTR);
  return count == 1;
}

int be_parent(pid_t child, int pipe, int log, off_t log_from) {
  if (heard_serving(pipe)) {
    return 0;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  repeat_log(log, log_from);
  if (WIFSIGNALED(status)) {
    print_error("the process in the background was ended by signal " +
                std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")");
    return 1;
  }
  if (WEXITSTATUS(status) == 0) {
    print_error("the process in the background was stopped before it served");
    return 1;
  }
  return WEXITSTATUS(status);
}

}  // namespace

Result<int> run_in_background(const std::string& log_path, const DaemonBody& body) {
  const Descriptor log(
      ::open(log_path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640));
  struct stat before {};
  if (log.number() < 0 || ::fstat(log.number(), &before) != 0) {
    return system_error("open the log '" + log_path + "'", errno);
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return system_error("make a pipe", errno);
  }
  Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  // Blocked until the parent can pass them on: none may fall between.
  const sigset_t blocked = ending_signals();
  sigset_t usual;
  ::sigprocmask(SIG_BLOCK, &blocked, &usual);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) {
    const int code = errno;
    ::sigprocmask(SIG_SETMASK, &usual, nullptr);
    return system_error("start a process", code);
  }
  if (child == 0) {
    ::sigprocmask(SIG_SETMASK, &usual, nullptr);
    be_child(log.number(), std::move(writing), body);
  }
  writing.close();
  child_of_parent = child;
  pass_ending_signals_on();
  ::sigprocmask(SIG_SETMASK, &usual, nullptr);
  return be_parent(child, reading.number(), log.number(), before.st_size);
}

}  // namespace ticketd::cli
