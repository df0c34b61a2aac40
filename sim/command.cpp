#include "sim/command.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>

#include "sim/run.h"
#include "sim/scenario.h"
#include "sim/scenario_run.h"
#include "sim/shrink.h"

namespace ticketd::sim {

namespace {

using SteadyClock = std::chrono::steady_clock;

struct Given {
  std::optional<std::uint64_t> seed;
  std::string seeds;
  double minutes = 0;
  bool processor_time = false;
  std::string faults, without;
  Overrides overrides;
  Telling telling;
  std::vector<std::string> scenarios;
  bool rewrite = false;
  bool commands = false;
  bool shrink = false;
  unsigned shrink_seeds = 4;
};

double since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

double processor_seconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
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
                 "Stop after so many minutes; without --seeds, go on with further seeds until then");
  app.add_flag("--processor-time", given.processor_time,
               "The minutes are those that this process computes");
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
  app.add_flag("--trace", given.telling.trace, "Tell on standard error what happens");
  app.add_flag("--quiet", given.telling.quiet, "No line for each seed");
  app.add_option("--scenario", given.scenarios,
                 "Run these scenario files instead of seeds, and show where they differ");
  app.add_flag("--rewrite", given.rewrite, "Write what the scenarios give into their files");
  app.add_flag("--scenario-commands", given.commands, "What scenarios may say");
  app.add_flag("--shrink", given.shrink, "Reduce the first failing run, and print its command");
  app.add_option("--shrink-seeds", given.shrink_seeds,
                 "Seeds that are tried for each smaller plan (default 4)");
}

/// The exit code.
int shrink_one(const Plan& plan, unsigned seeds) {
  constexpr unsigned kSecondsMax = 60;
  const auto failure = run_apart(plan, kSecondsMax);
  if (!failure) return 0;
  std::printf("it fails: %s\n", failure->kind.c_str());
  const Plan least = shrink(
      plan, *failure, [](const Plan& smaller) { return run_apart(smaller, kSecondsMax); }, seeds,
      [](const Plan& smaller) { std::printf("  %s\n", command_line(smaller).c_str()); });
  std::printf("FAILED: %s\n", command_line(least).c_str());
  return 1;
}

int run_seeds(const Given& given, std::uint64_t first, std::uint64_t last) {
  const auto start = SteadyClock::now();
  const double processor_start = processor_seconds();
  const bool endless = given.minutes > 0 && given.seeds.empty();
  Statistics total;
  for (std::uint64_t seed = first; seed <= last || endless; ++seed) {
    const double spent =
        given.processor_time ? processor_seconds() - processor_start : since(start);
    if (given.minutes > 0 && spent >= given.minutes * 60) break;
    const Plan plan = draw_plan(seed, given.overrides);
    if (given.shrink) {
      if (const int code = shrink_one(plan, given.shrink_seeds); code != 0) return code;
    } else if (!run_one(plan, given.telling, total)) {
      return 1;
    }
  }
  const double processor = processor_seconds() - processor_start;
  if (!given.shrink) std::printf("%s", total.describe(since(start), processor).c_str());
  return 0;
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
  if (given.commands) {
    std::printf("%s", Scenario::commands().c_str());
    return 0;
  }
  watch_for_aborts();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (!given.scenarios.empty()) return run_scenarios(given.scenarios, given.rewrite) ? 0 : 1;
  return run_seeds(given, first, last);
}

}  // namespace ticketd::sim
