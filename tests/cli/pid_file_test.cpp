#include "cli/pid_file.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/cli/temporary_directory.h"

namespace ticketd::cli {
namespace {

std::string reason(const Result<PidFile>& refused) {
  REQUIRE_FALSE(refused.ok());
  return refused.error().message;
}

TEST_CASE("a pid file appears when it is published and goes with its owner") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  {
    auto file = PidFile::reserve(path);
    REQUIRE(file.ok());
    CHECK_FALSE(std::filesystem::exists(path));
    REQUIRE(file->publish().ok());
    CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
  }
  CHECK(std::filesystem::is_empty(directory / ""));
}

TEST_CASE("a pid file that a living process holds is refused, and named with its process") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  auto file = PidFile::reserve(path);
  REQUIRE(file->publish().ok());
  const std::string refusal = reason(PidFile::reserve(path));
  CHECK(refusal.find("held by the running process " + std::to_string(::getpid())) !=
        std::string::npos);
}

TEST_CASE("what a crashed process left behind is replaced, though its id lives") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  for (const char* content : {"1\n", "1", ""}) {
    std::ofstream(path, std::ios::trunc) << content;
    auto file = PidFile::reserve(path);
    REQUIRE(file.ok());
    CHECK(read_file(path) == content);
    REQUIRE(file->publish().ok());
    CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
  }
}

TEST_CASE("a file that holds something else is left alone") {
  const TemporaryDirectory directory;
  const std::string path = directory / "precious";
  std::ofstream(path) << "root:x:0:0\n";
  CHECK(reason(PidFile::reserve(path)).find("does not hold a process id") != std::string::npos);
  CHECK(read_file(path) == "root:x:0:0\n");
}

TEST_CASE("a directory that is not there is named at once") {
  const TemporaryDirectory directory;
  CHECK(reason(PidFile::reserve(directory / "missing/pid")).find("missing") != std::string::npos);
}

TEST_CASE("an owner leaves a file alone that took the place of its own") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  {
    auto file = PidFile::reserve(path);
    REQUIRE(file->publish().ok());
    std::filesystem::remove(path);
    std::ofstream(path) << "1\n";
  }
  CHECK(read_file(path) == "1\n");
}

}  // namespace
}  // namespace ticketd::cli
