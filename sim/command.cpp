#include "sim/command.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include "sim/simulation.h"

namespace ticketd::sim {

namespace {

using SteadyClock = std::chrono::steady_clock;

struct Given {
  std::optional<std::uint64_t> seed;
  std::string seeds;
  double minutes = 0;
  std::string faults, without;
  Overrides overrides;
  bool trace = false;
  bool quiet = false;
};

/// For when the program under test aborts: what reproduces the run.
char reproduction[1024];

void on_abort(int number) {
  const char* head = number == SIGABRT ? "FAILED (aborted): " : "FAILED (signal): ";
  (void)!write(STDOUT_FILENO, head, std::strlen(head));
  (void)!write(STDOUT_FILENO, reproduction, std::strlen(reproduction));
  (void)!write(STDOUT_FILENO, "\n", 1);
  _exit(1);
}

double since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

std::optional<FaultSet> parse_faults(const std::string& names) {
  FaultSet faults;
  if (names == "all") return FaultSet::all();
  if (names == "none") return faults;
  std::string name;
  for (const char c : names + ",") {
    if (c != ',') {
      name += c;
      continue;
    }
    const auto fault = fault_named(name);
    if (!fault) {
      std::fprintf(stderr, "there is no fault class \"%s\"; they are: %s\n", name.c_str(),
                   FaultSet::all().names().c_str());
      return std::nullopt;
    }
    faults.set(*fault, true);
    name.clear();
  }
  return faults;
}

/// Runs one plan; false: it failed, and that was told.
bool run_one(const Plan& plan, const Given& given, Statistics& total) {
  const std::string line = command_line(plan);
  std::snprintf(reproduction, sizeof reproduction, "%s", line.c_str());
  auto simulation = std::make_unique<Simulation>(plan);
  if (given.trace) simulation->tell_all();
  try {
    simulation->run();
  } catch (const Violation& violation) {
    std::printf("seed %llu: %s\n%s", static_cast<unsigned long long>(plan.seed), violation.what(),
                simulation->describe().c_str());
    std::printf("FAILED: %s\n", line.c_str());
    return false;
  }
  if (!given.quiet) {
    std::printf("seed %llu  trace %016llx\n", static_cast<unsigned long long>(plan.seed),
                static_cast<unsigned long long>(simulation->trace_hash()));
  }
  total += simulation->statistics;
  return true;
}

bool parse_seeds(const std::string& text, std::uint64_t& first, std::uint64_t& last) {
  const std::size_t dots = text.find("..");
  try {
    first = std::stoull(text);
    last = dots == std::string::npos ? first : std::stoull(text.substr(dots + 2));
  } catch (const std::exception&) {
    return false;
  }
  return first <= last;
}

void describe_options(CLI::App& app, Given& given) {
  app.add_option("--seed", given.seed, "Run this seed (default 1)");
  app.add_option("--seeds", given.seeds, "Run these seeds, as FIRST..LAST");
  app.add_option("--minutes", given.minutes,
                 "Go on with further seeds until so many minutes have gone by");
  app.add_option("--faults", given.faults,
                 "Fault classes to be on instead of the drawn ones: names with commas, all, or "
                 "none. The classes: " + FaultSet::all().names());
  app.add_option("--without", given.without, "Fault classes to be off, names with commas");
  app.add_option("--nodes", given.overrides.voters, "Voters")->check(CLI::Range(1, 9));
  app.add_option("--learners", given.overrides.learners, "Nodes that join later")
      ->check(CLI::Range(0, 4));
  app.add_option("--clients", given.overrides.clients, "Clients")->check(CLI::Range(1, 1'000));
  app.add_option("--sequences", given.overrides.sequences, "Sequences")->check(CLI::Range(1, 8));
  app.add_option("--operations,--steps", given.overrides.operations,
                 "Faults end when so many requests were done");
  app.add_option("--time-ms", given.overrides.time_ms,
                 "Faults end after so many milliseconds of virtual time");
  app.add_flag("--calm", given.overrides.calm,
               "No faults, three nodes, one client, the server's time-outs: for measuring");
  app.add_flag("--trace", given.trace, "Tell on standard error what happens");
  app.add_flag("--quiet", given.quiet, "No line for each seed");
}

}  // namespace

int run_command(int count, char** arguments) {
  CLI::App app(
      "Runs whole clusters of ticketd in virtual time, from one seed each, under faults, and checks "
      "what must hold. The same seed gives the same trace. Exit code 1, and one line that "
      "reproduces it, when a run fails.",
      "ticketd-sim");
  Given given;
  describe_options(app, given);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!given.faults.empty()) {
    given.overrides.faults = parse_faults(given.faults);
    if (!given.overrides.faults) return 2;
  }
  if (!given.without.empty()) {
    const auto without = parse_faults(given.without);
    if (!without) return 2;
    given.overrides.without = *without;
  }
  std::uint64_t first = given.seed.value_or(1), last = first;
  if (!given.seeds.empty() && !parse_seeds(given.seeds, first, last)) {
    std::fprintf(stderr, "--seeds is FIRST..LAST\n");
    return 2;
  }
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) std::signal(number, on_abort);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto start = SteadyClock::now();
  Statistics total;
  for (std::uint64_t seed = first; seed <= last || since(start) < given.minutes * 60; ++seed) {
    if (given.minutes > 0 && since(start) >= given.minutes * 60) break;
    if (!run_one(draw_plan(seed, given.overrides), given, total)) return 1;
  }
  std::printf("%s", total.describe(since(start)).c_str());
  return 0;
}

}  // namespace ticketd::sim
