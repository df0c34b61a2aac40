#include "jepsen/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/check.h"

extern char** environ;

namespace ticketd::jepsen {

namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> merged_environment(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;
  for (char** here = environ; *here != nullptr; ++here) {
    const std::string_view entry = *here;
    const std::string_view name = entry.substr(0, entry.find('=') + 1);
    bool replaced = false;
    for (const std::string& other : more) replaced = replaced || other.starts_with(name);
    if (!replaced) all.emplace_back(entry);
  }
  return all;
}

/// All that the child needs, prepared before the fork: a child of a process with threads may do
/// little more than system calls.
struct Prepared {
  char* const* arguments;
  char* const* environment;
  int log;
  int network_space;
  int failure;  // where errno goes when the program cannot be executed
  pid_t parent;
};

[[noreturn]] void run_child(const Prepared& prepared) {
  const auto step = [&](bool done) {
    if (done) return;
    const int error = errno;
    static_cast<void>(::write(prepared.failure, &error, sizeof error));
    ::_exit(127);
  };
  step(::setpgid(0, 0) == 0);
  step(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
  if (::getppid() != prepared.parent) ::_exit(127);  // it died before that
  if (prepared.network_space >= 0) step(::setns(prepared.network_space, CLONE_NEWNET) == 0);
  const int null = ::open("/dev/null", O_RDONLY);
  step(null >= 0 && ::dup2(null, STDIN_FILENO) >= 0 &&
       (null == STDIN_FILENO || ::close(null) == 0));
  step(::dup2(prepared.log, STDOUT_FILENO) >= 0 && ::dup2(prepared.log, STDERR_FILENO) >= 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(prepared.arguments[0], prepared.arguments, prepared.environment);
  step(false);
  ::_exit(127);
}

Error system_error(const std::string& what, int error) {
  return Error{what + ": " + std::strerror(error)};
}

}  // namespace

std::string describe(const Ending& ending) {
  return ending.signal != 0 ? "by signal " + std::to_string(ending.signal)
                            : "with code " + std::to_string(ending.code);
}

Result<Process> Process::start(const Launch& launch) {
  ENSURE(!launch.command.empty());
  std::vector<std::string> command = launch.command;
  std::vector<std::string> environment = merged_environment(launch.environment);
  const auto arguments = pointers_to(command);
  const auto variables = pointers_to(environment);
  const Descriptor log(::open(launch.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log) return system_error("cannot open " + launch.log.string(), errno);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
  const Descriptor failure(ends[0]);
  Descriptor failure_of_child(ends[1]);
  const Prepared prepared = {arguments.data(),     variables.data(),       log.get(),
                             launch.network_space, failure_of_child.get(), ::getpid()};
  const pid_t pid = ::fork();
  if (pid == 0) run_child(prepared);
  if (pid < 0) return system_error("cannot fork", errno);
  failure_of_child = Descriptor();
  Process process(pid, Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  ENSURE_MSG(process.ended_, std::strerror(errno));
  int error = 0;
  if (::read(failure.get(), &error, sizeof error) == sizeof error) {
    return system_error("cannot execute " + launch.command[0], error);
  }
  return process;
}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    if (ended_) kill();
    pid_ = other.pid_;
    ended_ = Descriptor();
    ended_ = std::move(other.ended_);
    ending_ = other.ending_;
  }
  return *this;
}

Process::~Process() {
  if (ended_) kill();
}

void Process::signal(int number) {
  if (!ending_) ::kill(pid_, number);  // not reaped yet: the number is still its own
}

std::optional<Ending> Process::wait(std::chrono::milliseconds timeout) {
  if (ending_) return ending_;
  pollfd watched = {ended_.get(), POLLIN, 0};
  const int ready = ::poll(&watched, 1, static_cast<int>(timeout.count()));
  if (ready <= 0) return std::nullopt;
  int status = 0;
  ENSURE_EQ(::waitpid(pid_, &status, 0), pid_);
  ending_ = WIFSIGNALED(status) ? Ending{0, WTERMSIG(status)} : Ending{WEXITSTATUS(status), 0};
  return ending_;
}

Ending Process::kill() {
  signal(SIGKILL);
  while (!wait(std::chrono::seconds(10))) {
  }
  return *ending_;
}

}  // namespace ticketd::jepsen
