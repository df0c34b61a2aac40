#include "jepsen/process.h"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/jepsen/hosts.h"

namespace ticketd::jepsen {
namespace {

constexpr std::chrono::seconds kLong(20);

struct TemporaryLog {
  ~TemporaryLog() { std::filesystem::remove(path); }
  std::string text() const {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("ticketd-process-" + std::to_string(::getpid()) + ".log");
};

Process must_start(std::vector<std::string> command, const TemporaryLog& log,
                   std::vector<std::string> environment = {}, int network_space = -1) {
  auto process =
      Process::start({std::move(command), std::move(environment), log.path, network_space});
  REQUIRE_MESSAGE(process.ok(), process.error().message);
  return std::move(*process);
}

TEST_CASE("what a process says goes to its log, and its exit code is told") {
  const TemporaryLog log;
  Process process = must_start({"/bin/sh", "-c", "echo $GREETING; echo aside >&2; exit 3"}, log,
                               {"GREETING=hello"});
  const auto ending = process.wait(kLong);
  REQUIRE(ending.has_value());
  CHECK(*ending == Ending{3, 0});
  CHECK_FALSE(process.running());
  CHECK(log.text() == "hello\naside\n");
}

TEST_CASE("a process is killed, and stopped and continued") {
  const TemporaryLog log;
  Process process = must_start({"/bin/cat", "/dev/zero"}, log);  // to be ended while it works
  process.signal(SIGSTOP);
  CHECK(process.running());
  process.signal(SIGCONT);
  CHECK(process.running());
  CHECK(process.kill() == Ending{0, SIGKILL});
  process.signal(SIGKILL);
  CHECK(process.kill() == Ending{0, SIGKILL});
}

TEST_CASE("a process goes with its object") {
  const TemporaryLog log;
  pid_t pid = 0;
  {
    Process process = must_start({"/bin/sleep", "1000"}, log);
    pid = process.pid();
    Process other = must_start({"/bin/sleep", "1000"}, log);
    process = std::move(other);
    CHECK(::kill(pid, 0) != 0);
    pid = process.pid();
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("a program that is not there is told") {
  const TemporaryLog log;
  const auto process = Process::start({{"/nowhere/program"}, {}, log.path});
  REQUIRE_FALSE(process.ok());
  CHECK(process.error().message == "cannot execute /nowhere/program: No such file or directory");
}

TEST_CASE("a process of a host has the host's network and no other") {
  const auto network = network_or_skip(2);
  if (!network) return;
  const TemporaryLog log;
  Process process =
      must_start({"/bin/cat", "/proc/net/dev", "/proc/net/fib_trie"}, log, {}, network->space(1));
  CHECK(process.wait(kLong) == Ending{0, 0});
  CHECK(log.text().find("net0:") != std::string::npos);
  CHECK(log.text().find("lo:") != std::string::npos);
  CHECK(log.text().find("eth") == std::string::npos);
  CHECK(log.text().find("10.77.0.2") != std::string::npos);
}

}  // namespace
}  // namespace ticketd::jepsen
