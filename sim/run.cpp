#include "sim/run.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

namespace {

/// For when the program under test aborts: what reproduces the run.
char reproduction[1024];

void on_abort(int number) {
  const char* head = number == SIGABRT ? "FAILED (aborted): " : "FAILED (signal): ";
  (void)!write(STDOUT_FILENO, head, std::strlen(head));
  (void)!write(STDOUT_FILENO, reproduction, std::strlen(reproduction));
  (void)!write(STDOUT_FILENO, "\n", 1);
  _exit(1);
}

unsigned long long number(std::uint64_t value) { return value; }

}  // namespace

void watch_for_aborts() {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) std::signal(signal, on_abort);
}

void tell_if_aborted(const std::string& command) {
  std::snprintf(reproduction, sizeof reproduction, "%s", command.c_str());
}

bool run_one(const Plan& plan, const Telling& telling, Statistics& total) {
  const std::string line = command_line(plan);
  tell_if_aborted(line);
  std::unique_ptr<Simulation> simulation;
  try {
    simulation = std::make_unique<Simulation>(plan);
    if (telling.trace) simulation->tell_all();
    simulation->run();
  } catch (const Violation& violation) {
    std::printf("seed %llu: %s\n", number(plan.seed), violation.what());
    if (simulation) std::printf("%s", simulation->describe().c_str());
    std::printf("FAILED: %s\n", line.c_str());
    std::fflush(stdout);
    return false;
  }
  if (!telling.quiet) {
    std::printf("seed %llu  trace %016llx\n", number(plan.seed), number(simulation->trace_hash()));
  }
  total += simulation->statistics;
  return true;
}

}  // namespace ticketd::sim
