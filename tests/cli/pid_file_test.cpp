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
    REQUIRE(file->write().ok());
    REQUIRE(file->publish().ok());
    CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
  }
  CHECK(std::filesystem::is_empty(directory / ""));
}

TEST_CASE("a pid file that a living process holds is refused, and named with its process") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  auto file = PidFile::reserve(path);
  REQUIRE(file->write().ok());
  REQUIRE(file->publish().ok());
  const std::string refusal = reason(PidFile::reserve(path));
  CHECK(refusal.find("held by the running process " + std::to_string(::getpid())) !=
        std::string::npos);
}

TEST_CASE("of two that start with one file one gets it") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  {
    auto first = PidFile::reserve(path);
    REQUIRE(first.ok());
    CHECK(reason(PidFile::reserve(path)).find("just starting") != std::string::npos);
    REQUIRE(first->write().ok());
    REQUIRE(first->publish().ok());
    CHECK(reason(PidFile::reserve(path)).find("held by the running") != std::string::npos);
    CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
  }
  CHECK(std::filesystem::is_empty(directory / ""));
  CHECK(PidFile::reserve(path).ok());
  CHECK(std::filesystem::is_empty(directory / ""));
}

TEST_CASE("a process that starts and dies keeps nobody from its file") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  const pid_t child = ::fork();
  if (child == 0) {
    auto file = PidFile::reserve(path);
    const bool written = file.ok() && file->write().ok();
    ::_exit(written ? 0 : 1);  // as if killed: nothing is tidied up
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(std::filesystem::exists(path + ".starting"));
  auto file = PidFile::reserve(path);
  REQUIRE(file.ok());
  REQUIRE(file->write().ok());
  REQUIRE(file->publish().ok());
  CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
}

TEST_CASE("whoever forked the owner leaves the published file to it") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  {
    auto parents = PidFile::reserve(path);
    REQUIRE(parents.ok());
    const pid_t child = ::fork();
    if (child == 0) {
      ::_exit(parents->write().ok() && parents->publish().ok() ? 0 : 1);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    REQUIRE(status == 0);
    CHECK(read_file(path) == std::to_string(child) + "\n");
  }
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("a file that cannot be put in its place is an error") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  auto file = PidFile::reserve(path);
  REQUIRE(file->write().ok());
  std::filesystem::create_directory(path);
  CHECK(file->publish().error().message.find("cannot put it in place") != std::string::npos);
}

TEST_CASE("what a crashed process left behind is replaced, though its id lives") {
  const TemporaryDirectory directory;
  const std::string path = directory / "pid";
  for (const char* content : {"1\n", "1", ""}) {
    std::ofstream(path, std::ios::trunc) << content;
    auto file = PidFile::reserve(path);
    REQUIRE(file.ok());
    CHECK(read_file(path) == content);
    REQUIRE(file->write().ok());
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
    REQUIRE(file->write().ok());
    REQUIRE(file->publish().ok());
    std::filesystem::remove(path);
    std::ofstream(path) << "1\n";
  }
  CHECK(read_file(path) == "1\n");
}

}  // namespace
}  // namespace ticketd::cli
