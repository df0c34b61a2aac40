// Real processes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "jepsen/descriptor.h"

namespace ticketd::jepsen {

struct Launch {
  /// The program's path, then its arguments.
  std::vector<std::string> command;
  /// NAME=VALUE, beside or instead of what this process has.
  std::vector<std::string> environment;
  /// Its standard output and error are appended to it.
  std::filesystem::path log;
  /// A network namespace's descriptor; below 0 for that of the calling thread.
  int network_space = -1;
};

/// How a process ended: by exit(code), or by a signal.
struct Ending {
  int code = 0;
  int signal = 0;  // 0 when it was not by one

  bool operator==(const Ending&) const = default;
};

/// "with code 1", "by signal 9"
std::string describe(const Ending& ending);

/// A child, in a process group of its own. It is killed when this object goes, and by the kernel
/// when the thread that started it ends: start processes in a thread that lives as long as they
/// shall. Functions are for one thread at a time.
class Process {
 public:
  /// Errors say why the program could not be executed.
  static Result<Process> start(const Launch& launch);
  Process(Process&&) noexcept = default;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }

  /// Becomes readable when the process ends, for poll().
  int descriptor() const { return ended_.get(); }

  /// Nothing once it has ended.
  void signal(int number);

  /// Until it ends, or for so long; its ending.
  std::optional<Ending> wait(std::chrono::milliseconds timeout);
  bool running() { return !wait(std::chrono::milliseconds(0)); }

  /// SIGKILL, and waits.
  Ending kill();

 private:
  Process(pid_t pid, Descriptor ended) : pid_(pid), ended_(std::move(ended)) {}

  pid_t pid_;
  Descriptor ended_;
  std::optional<Ending> ending_;
};

}  // namespace ticketd::jepsen
