#include "sim/run.h"

#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "sim/simulation.h"
#include "sim/violation.h"

/// There only with a sanitizer.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace ticketd::sim {

namespace {

/// For when the program under test aborts: what reproduces the run.
char reproduction[1024];
/// That run, as long as it lasts.
const Simulation* running = nullptr;

/// Of processor time, in which some event must end: a look at everything takes a small part of it.
constexpr time_t kStuckSeconds = 60;
std::uint64_t events_before = 0;

void write_reproduction(const char* head) {
  (void)!write(STDOUT_FILENO, head, std::strlen(head));
  (void)!write(STDOUT_FILENO, reproduction, std::strlen(reproduction));
  (void)!write(STDOUT_FILENO, "\n", 1);
}

void on_abort(int number) {
  write_reproduction(number == SIGABRT ? "FAILED (aborted): " : "FAILED (signal): ");
  _exit(1);
}

void on_sanitizer_report() { write_reproduction("FAILED (sanitizer): "); }

void on_alarm(int) {
  const std::uint64_t events = running != nullptr ? running->steps() : 0;
  if (running != nullptr && events == events_before) {
    write_reproduction("FAILED (an event does not end): ");
    _exit(1);
  }
  events_before = events;
}

unsigned long long number(std::uint64_t value) { return value; }

}  // namespace

void watch_for_aborts() {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) std::signal(signal, on_abort);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(on_sanitizer_report);
  }
  std::signal(SIGPROF, on_alarm);
  const itimerval often{{kStuckSeconds, 0}, {kStuckSeconds, 0}};
  (void)setitimer(ITIMER_PROF, &often, nullptr);
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
    running = simulation.get();
    simulation->run();
    running = nullptr;
  } catch (const Violation& violation) {
    running = nullptr;
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
