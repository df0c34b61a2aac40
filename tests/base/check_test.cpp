#include "base/check.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "base/random.h"
#include "base/result.h"

namespace ticketd {
namespace {

struct Death {
  bool aborted = false;
  std::string output;
};

/// Runs `action` in a child process; says whether it aborted and what it wrote to standard error.
Death run_in_child(const std::function<void()>& action) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // doctest's handler would report a crash of its own.
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    action();
    _exit(0);
  }
  close(ends[1]);
  Death death;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(ends[0], buffer, sizeof buffer)) > 0;) {
    death.output.append(buffer, static_cast<std::size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  death.aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  return death;
}

void check_dies_saying(const std::function<void()>& action, const std::string& expected) {
  const Death death = run_in_child(action);
  CHECK(death.aborted);
  CHECK_MESSAGE(death.output.find(expected) != std::string::npos, death.output);
}

struct Term {
  std::uint64_t value;
  friend bool operator==(const Term&, const Term&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Term& term) {
    return out << "term " << term.value;
  }
};
struct Opaque {
  std::uint64_t value;
  friend bool operator==(const Opaque&, const Opaque&) = default;
};
enum class Role : std::uint8_t { kFollower = 0, kLeader = 2 };

TEST_CASE("a check that holds does nothing") {
  const Death death = run_in_child([] {
    ENSURE(1 + 1 == 2);
    ENSURE(std::is_same_v<int, int>);
    ENSURE_MSG(true, "not printed");
    ENSURE_EQ(1, 1);
    ENSURE_NE(1, 2);
    ENSURE_LT(1, 2);
    ENSURE_LE(2, 2);
    ENSURE_GT(2, 1);
    ENSURE_GE(2, 2);
  });
  CHECK_FALSE(death.aborted);
  CHECK(death.output.empty());
}

TEST_CASE("a failed check prints file, line and expression, and aborts") {
  const auto action = [] { ENSURE(2 + 2 == 5); };
  const int line = __LINE__ - 1;
  check_dies_saying(action, "tests/base/check_test.cpp:" + std::to_string(line) +
                                ": ENSURE failed: 2 + 2 == 5\n");
}

TEST_CASE("a failed check prints its message") {
  check_dies_saying([] { ENSURE_MSG(false, std::string("why") + " not"); }, "false (why not)\n");
}

TEST_CASE("unreachable code that is reached prints its text and aborts") {
  check_dies_saying([] { UNREACHABLE("a fifth role"); }, "UNREACHABLE reached: a fifth role\n");
}

TEST_CASE("every failed comparison prints both values") {
  const int a = 3;
  const int b = 4;
  check_dies_saying([=] { ENSURE_EQ(a, b); }, "a == b (3 and 4)\n");
  check_dies_saying([=] { ENSURE_NE(a, a); }, "a != a (3 and 3)\n");
  check_dies_saying([=] { ENSURE_LT(b, a); }, "b < a (4 and 3)\n");
  check_dies_saying([=] { ENSURE_LE(b, a); }, "b <= a (4 and 3)\n");
  check_dies_saying([=] { ENSURE_GT(a, b); }, "a > b (3 and 4)\n");
  check_dies_saying([=] { ENSURE_GE(a, b); }, "a >= b (3 and 4)\n");
}

TEST_CASE("values are printed by what they are") {
  check_dies_saying([] { ENSURE_EQ(Term{7}, Term{8}); }, "(term 7 and term 8)");
  check_dies_saying([] { ENSURE_EQ(Role::kLeader, Role::kFollower); }, "(2 and 0)");
  check_dies_saying([] { ENSURE_EQ(std::uint8_t{65}, std::uint8_t{66}); }, "(65 and 66)");
  check_dies_saying([] { ENSURE_EQ(true, false); }, "(true and false)");
  check_dies_saying([] { ENSURE_EQ(std::string("a\"\x01"), "b"); }, R"(("a\"\x01" and "b"))");
  check_dies_saying([] { ENSURE_EQ(std::string(300, 'x'), ""); }, "... of 300 bytes and \"\")");
  check_dies_saying([] { ENSURE_EQ(Opaque{1}, Opaque{2}); }, "(8 bytes without operator<< and ");
}

TEST_CASE("integers are compared by value, whatever their signs") {
  const std::uint32_t large = 0xffffffff;
  check_dies_saying([=] { ENSURE_EQ(-1, large); }, "(-1 and 4294967295)");
  ENSURE_LT(-1, large);
}

TEST_CASE("arguments are evaluated once") {
  int evaluated = 0;
  ENSURE_EQ(++evaluated, 1);
  ENSURE(++evaluated == 2);
  CHECK(evaluated == 2);
}

TEST_CASE("the value of a failed result, and the error of a good one, may not be taken") {
  check_dies_saying([] { static_cast<void>(Result<int>(Error{"no disk"}).value()); }, "no disk");
  check_dies_saying([] { static_cast<void>(Result<int>(1).error()); }, "!ok()");
  check_dies_saying([] { static_cast<void>(Status().error()); }, "!ok()");
}

TEST_CASE("a random number below nothing may not be asked for") {
  check_dies_saying([] { Random(1).below(0); }, "limit > 0 (0 and 0)");
  check_dies_saying([] { Random(1).between(2, 1); }, "low <= high (2 and 1)");
}

}  // namespace
}  // namespace ticketd
