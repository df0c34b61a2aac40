#include "jepsen/command.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "jepsen/check.h"
#include "jepsen/cross_check.h"
#include "jepsen/history_file.h"

namespace ticketd::jepsen {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kGood = 0, kBad = 1, kUsage = 2;

struct Given {
  std::string file;
  CheckOptions check;
  std::uint64_t seed = 1;
  std::uint64_t sequences = 1'000'000;
};

double since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

double share(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

int run_check(const Given& given) {
  const auto began = SteadyClock::now();
  const auto history = read_history(given.file);
  if (!history.ok()) {
    std::fprintf(stderr, "%s\n", history.error().message.c_str());
    return kUsage;
  }
  const double read_s = since(began);
  const auto read = SteadyClock::now();
  const Verdict verdict = check(*history, given.check);
  const double check_s = since(read);
  const auto operations = static_cast<double>(verdict.operations);
  std::printf(
      "%llu operations on %llu sequences: %llu failed, %llu unknown (%.2f %%); %zu faults\n",
      static_cast<unsigned long long>(verdict.operations),
      static_cast<unsigned long long>(verdict.sequences),
      static_cast<unsigned long long>(verdict.failed),
      static_cast<unsigned long long>(verdict.unknown),
      100 * share(verdict.unknown, verdict.operations), history->faults.size());
  std::printf("read in %.3f s (%.0f operations/s), checked in %.3f s (%.0f operations/s)", read_s,
              operations / read_s, check_s, operations / check_s);
  std::printf(verdict.searched == 0 ? "\n" : "; %llu sequences by search\n",
              static_cast<unsigned long long>(verdict.searched));
  std::printf("%s", describe(*history, verdict).c_str());
  return verdict.decision == Decision::kValid ? kGood : kBad;
}

int run_cross_check(const Given& given) {
  const auto began = SteadyClock::now();
  const CrossCheck result = cross_check(given.seed, given.sequences);
  std::printf(
      "%llu random histories from seed %llu: %llu valid, %llu violated, %llu of them left to"
      " the general checker; %.0f a second\n",
      static_cast<unsigned long long>(result.sequences),
      static_cast<unsigned long long>(given.seed), static_cast<unsigned long long>(result.valid),
      static_cast<unsigned long long>(result.violated),
      static_cast<unsigned long long>(result.left_open),
      static_cast<double>(result.sequences) / since(began));
  if (result.difference.empty()) return kGood;
  std::printf("%s", result.difference.c_str());
  return kBad;
}

void describe_check(CLI::App& command, Given& given) {
  command.add_option("FILE", given.file, "A history in EDN")->required();
  command.add_flag("--both", given.check.both, "Has the general checker judge every sequence, too");
  command
      .add_option("--budget", given.check.budget.states,
                  "States that a search may visit; beyond it, the history is undecided")
      ->check(CLI::PositiveNumber);
}

void describe_cross_check(CLI::App& command, Given& given) {
  command.add_option("--histories", given.sequences, "How many (default 1000000)")
      ->check(CLI::PositiveNumber);
  command.add_option("--seed", given.seed, "Which (default 1)");
}

}  // namespace

int run_command(int count, char** arguments) {
  CLI::App app(
      "Runs real ticketd processes under faults, records what clients see, and says whether it is "
      "linearizable. Exit code 0 when it is, 1 when it is not or nobody can tell, 2 when the "
      "options "
      "or files are wrong.",
      "ticketd-jepsen");
  Given given;
  auto* check = app.add_subcommand("check", "Judges a recorded history");
  auto* cross = app.add_subcommand(
      "cross-check", "Compares the fast checker with the general one on random histories");
  describe_check(*check, given);
  describe_cross_check(*cross, given);
  app.require_subcommand(1);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  return check->parsed() ? run_check(given) : run_cross_check(given);
}

}  // namespace ticketd::jepsen
