#include "sim/shrink.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <vector>

#include "sim/run.h"

namespace ticketd::sim {

namespace {

std::string without_numbers(std::string_view text) {
  std::string kind;
  for (const char c : text) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit) {
      kind += c;
    } else if (kind.empty() || kind.back() != '#') {
      kind += '#';
    }
  }
  return kind;
}

class Shrinker {
 public:
  Shrinker(Plan plan, Failure failure, const Attempt& attempt, unsigned seeds,
           const std::function<void(const Plan&)>& tell)
      : plan_(plan), failure_(std::move(failure)), attempt_(attempt), seeds_(seeds), tell_(tell) {}

  Plan run() {
    cut_off();
    while (drop_faults() || shrink_numbers()) {
    }
    return plan_;
  }

 private:
  /// Is the change one that keeps the failure? Then the plan is so from now on.
  bool try_plan(Plan changed) {
    for (unsigned i = 0; i < seeds_; ++i) {
      const std::optional<Failure> failed = attempt_(changed);
      if (failed && failed->kind == failure_.kind) {
        plan_ = changed;
        failure_ = *failed;
        tell_(plan_);
        cut_off();
        return true;
      }
      ++changed.seed;
    }
    return false;
  }

  /// Until it failed the run is the same one, however long it would have gone on.
  void cut_off() {
    if (!failure_.at) return;
    Plan changed = plan_;
    changed.time_ms = *failure_.at / 1'000 + 1;
    if (changed.time_ms >= plan_.time_ms) return;
    const std::optional<Failure> failed = attempt_(changed);
    if (failed && failed->kind == failure_.kind) plan_ = changed;
  }

  bool drop_faults() {
    bool any = false;
    for (std::size_t i = 0; i < kFaults; ++i) {
      const auto fault = static_cast<Fault>(i);
      if (!plan_.faults.has(fault)) continue;
      Plan changed = plan_;
      changed.faults.set(fault, false);
      any = try_plan(changed) || any;
    }
    return any;
  }

  template <class Number>
  bool lessen(Number Plan::*number, Number least) {
    for (Number value = least; value < plan_.*number;) {
      Plan changed = plan_;
      changed.*number = value;
      if (try_plan(changed)) return true;
      value = value + std::max<Number>(1, (plan_.*number - value) / 2);
    }
    return false;
  }

  bool shrink_numbers() {
    bool any = lessen(&Plan::learners, 0U);
    any = lessen(&Plan::voters, 1U) || any;
    any = lessen(&Plan::clients, 1U) || any;
    any = lessen(&Plan::sequences, 1U) || any;
    return lessen(&Plan::operations, std::uint64_t{10}) || any;
  }

  Plan plan_;
  Failure failure_;
  const Attempt& attempt_;
  unsigned seeds_;
  const std::function<void(const Plan&)>& tell_;
};

}  // namespace

Plan shrink(Plan plan, const Failure& failure, const Attempt& attempt, unsigned seeds,
            const std::function<void(const Plan&)>& tell) {
  return Shrinker(plan, failure, attempt, seeds, tell).run();
}

Failure failure_in(const std::string& output) {
  Failure failure;
  const std::size_t ensured = output.find(" failed: ");
  if (ensured != std::string::npos && output.find("FAILED (") != std::string::npos) {
    // "file:line: ENSURE failed: what (values)": the values differ.
    const std::size_t begin = output.rfind('\n', ensured) + 1;
    failure.kind = output.substr(begin, output.find_first_of("(\n", ensured) - begin);
    return failure;
  }
  failure.kind = without_numbers(output.substr(0, output.find('\n')));
  if (const std::size_t at = output.find("\nat "); at != std::string::npos) {
    failure.at = std::strtoull(output.c_str() + at + 4, nullptr, 10);
  }
  return failure;
}

std::optional<Failure> run_apart(const Plan& plan, unsigned seconds) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) return std::nullopt;
  const pid_t child = fork();
  if (child == 0) {
    dup2(pipe_ends[1], STDOUT_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    close(pipe_ends[0]);
    alarm(seconds);
    Statistics statistics;
    std::exit(run_one(plan, {.quiet = true}, statistics) ? 0 : 1);
  }
  close(pipe_ends[1]);
  std::string output;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(pipe_ends[0], buffer, sizeof buffer)) > 0;) {
    output.append(buffer, static_cast<std::size_t>(count));
  }
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return Failure{"it does not end", {}};
  return failure_in(output);
}

}  // namespace ticketd::sim
