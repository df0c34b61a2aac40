#include "jepsen/command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "jepsen/check.h"
#include "jepsen/cross_check.h"
#include "jepsen/fault_window.h"
#include "jepsen/history_file.h"
#include "jepsen/nemesis.h"
#include "jepsen/report_data.h"
#include "jepsen/report_page.h"
#include "jepsen/run.h"
#include "jepsen/run_facts.h"

namespace ticketd::jepsen {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kGood = 0, kBad = 1, kUsage = 2;

struct RunGiven {
  RunOptions options;
  std::string nemeses, workloads = "tickets,sequences,ranges,retries,pipelines";
  std::string protocol = "both";
  std::string network = "hosts";
  std::string results = "results";
  /// What was typed, with the seed.
  std::string command;
  unsigned seconds = 30, election_timeout_ms = 500;
};

struct Given {
  RunGiven run;
  std::string file;
  std::filesystem::path out;
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

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> result(1);
  for (const char c : names) {
    if (c == ',') {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

std::string nemesis_names() {
  std::string names;
  for (const Nemesis& nemesis : all_nemeses()) {
    names += (names.empty() ? "" : ", ") + std::string(nemesis.name);
  }
  return names;
}

Status choose_workloads(RunGiven& given) {
  for (const std::string& name : split(given.workloads)) {
    const auto kind = workload_named(name);
    if (!kind) {
      return Error{"there is no workload " + name +
                   "; they are: tickets, sequences, ranges, retries, pipelines"};
    }
    given.options.workload.kinds.push_back(*kind);
  }
  if (given.protocol != "http" && given.protocol != "redis" && given.protocol != "both") {
    return Error{"--protocol is http, redis or both"};
  }
  given.options.speaks = given.protocol == "http"    ? Speaks::kHttp
                         : given.protocol == "redis" ? Speaks::kRedis
                                                     : Speaks::kBoth;
  return {};
}

Status choose_nemeses(RunGiven& given) {
  RunOptions& options = given.options;
  const char* const usual = options.loopback ? "kill,pause" : "kill,pause,partition";
  for (const std::string& name : split(given.nemeses.empty() ? usual : given.nemeses)) {
    if (name == "none") continue;
    for (const Nemesis& nemesis : all_nemeses()) {
      if (name == "all" && !(options.loopback && nemesis.needs_network)) {
        options.nemeses.push_back(&nemesis);
      }
    }
    const Nemesis* const nemesis = nemesis_named(name);
    if (name != "all" && nemesis == nullptr) {
      return Error{"there is no nemesis " + name + "; they are: " + nemesis_names()};
    }
    if (nemesis == nullptr) continue;
    if (nemesis->needs_network && options.loopback) {
      return Error{"the nemesis " + name + " needs --network hosts"};
    }
    options.nemeses.push_back(nemesis);
  }
  return {};
}

/// What the options mean together; an error for wrong usage.
Status complete(RunGiven& given) {
  RunOptions& options = given.options;
  if (given.network != "hosts" && given.network != "loopback") {
    return Error{"--network is hosts or loopback"};
  }
  options.loopback = given.network == "loopback";
  if (Status chosen = choose_workloads(given); !chosen.ok()) return chosen;
  if (Status chosen = choose_nemeses(given); !chosen.ok()) return chosen;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  if (options.program.empty()) options.program = beside / "ticketd";
  options.shim = beside / "libticketd-shim.so";
  char name[64];
  const std::time_t now = std::time(nullptr);
  std::strftime(name, sizeof name, "%Y%m%dT%H%M%S", std::gmtime(&now));
  options.directory = std::filesystem::absolute(given.results) /
                      (std::string(name) + "-" + std::to_string(::getpid()));
  options.time = std::chrono::seconds(given.seconds);
  options.election_timeout = std::chrono::milliseconds(given.election_timeout_ms);
  options.workload.seed = options.seed;
  return {};
}

void print_result(const RunResult& result) {
  const Verdict& verdict = result.verdict;
  std::printf("%llu operations: %llu failed, %llu unknown (%.2f %%)\n",
              static_cast<unsigned long long>(verdict.operations),
              static_cast<unsigned long long>(verdict.failed),
              static_cast<unsigned long long>(verdict.unknown),
              100 * share(verdict.unknown, verdict.operations));
  const auto recoveries = recoveries_ms(fault_windows(result.history));
  if (!recoveries.empty()) {
    std::printf("%zu faults; service was back after %.0f ms (p50), %.0f ms (p99), %.0f ms (most)\n",
                recoveries.size(), quantile(recoveries, 0.5), quantile(recoveries, 0.99),
                recoveries.back());
  }
  std::printf("%s", describe(result.history, verdict).c_str());
  for (const std::string& failure : result.failures) std::printf("FAILED: %s\n", failure.c_str());
}

/// As a shell takes it.
std::string quoted(const std::string& argument) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,=:";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  std::string result = "'";
  for (const char c : argument) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

RunFacts facts_of(const RunGiven& given, const RunResult& result) {
  const RunOptions& options = given.options;
  RunFacts facts;
  std::string nemeses;
  for (const Nemesis* const nemesis : options.nemeses) {
    nemeses += (nemeses.empty() ? "" : ", ") + std::string(nemesis->name);
  }
  facts.parameters = {
      {"Seed", std::to_string(options.seed)},
      {"Nodes", std::to_string(options.nodes)},
      {"Nemeses", nemeses.empty() ? "none" : nemeses},
      {"Order", options.in_turn ? "as named" : "drawn"},
      {"Workloads", given.workloads},
      {"Protocol", given.protocol},
      {"Time with faults", std::to_string(options.time.count()) + " s"},
      {"Clients", std::to_string(options.workload.clients)},
      {"Requests a second", std::to_string(static_cast<long>(options.workload.rate))},
      {"Election time-out", std::to_string(options.election_timeout.count()) + " ms"},
      {"Network", given.network},
      {"Program", options.program.string()},
      {"Results", options.directory.string()},
  };
  facts.command = given.command;
  facts.election_timeout = options.election_timeout;
  facts.failures = result.failures;
  return facts;
}

/// report.html and run.json beside the history.
Status leave_files(const RunGiven& given, const RunResult& result) {
  const RunFacts facts = facts_of(given, result);
  const auto& directory = given.options.directory;
  const auto faults = summarize_faults(result.history, fault_windows(result.history));
  const std::string verdict = name_of(result.verdict.decision);
  if (Status done = write_run_facts(directory / "run.json", facts, verdict, faults); !done.ok()) {
    return done;
  }
  return write_report(directory / "report.html", result.history, result.verdict, facts);
}

/// Of a history that was recorded, with what run.json beside it knows.
int run_report(const Given& given) {
  const auto history = read_history(given.file);
  if (!history.ok()) {
    std::fprintf(stderr, "%s\n", history.error().message.c_str());
    return kUsage;
  }
  const auto directory = std::filesystem::path(given.file).parent_path();
  auto facts = read_run_facts(directory / "run.json");
  if (!facts.ok()) {
    std::printf("without the run's parameters: %s\n", facts.error().message.c_str());
    facts = RunFacts{};
  }
  const auto out = given.out.empty() ? directory / "report.html" : given.out;
  const Verdict verdict = check(*history);
  if (Status done = write_report(out, *history, verdict, *facts); !done.ok()) {
    std::fprintf(stderr, "%s\n", done.error().message.c_str());
    return kUsage;
  }
  std::printf("%s\n", out.c_str());
  return verdict.decision == Decision::kValid && facts->failures.empty() ? kGood : kBad;
}

int run_run(RunGiven& given) {
  if (const Status done = complete(given); !done.ok()) {
    std::fprintf(stderr, "%s\n", done.error().message.c_str());
    return kUsage;
  }
  std::printf("seed %llu, results in %s\n", static_cast<unsigned long long>(given.options.seed),
              given.options.directory.c_str());
  const auto result = run(given.options);
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    return kBad;
  }
  print_result(*result);
  if (Status left = leave_files(given, *result); !left.ok()) {
    std::fprintf(stderr, "%s\n", left.error().message.c_str());
    return kBad;
  }
  std::printf("%s: %s\n", result->good() ? "VALID" : "FAILED",
              (given.options.directory / "report.html").c_str());
  return result->good() ? kGood : kBad;
}

void describe_run(CLI::App& command, RunGiven& given) {
  command.add_option(
      "--nemesis", given.nemeses,
      "Faults, names with commas, all, or none (default kill,pause,partition, without the "
      "last on the loopback): " +
          nemesis_names());
  command.add_flag("--in-turn", given.options.in_turn,
                   "One fault after the other as named, instead of drawing them, and each at least "
                   "once, whatever the time");
  command.add_option("--workload", given.workloads,
                     "What clients do, names with commas: tickets, sequences, ranges, retries, "
                     "pipelines (default all of them)");
  command.add_option("--protocol", given.protocol,
                     "What clients speak: http, redis, or both, half of the clients one (default)");
  command.add_option("--time", given.seconds, "Seconds with faults (default 30)")
      ->check(CLI::PositiveNumber);
  command.add_option("--nodes", given.options.nodes, "Nodes (default 3)")->check(CLI::Range(1, 9));
  command.add_option("--clients", given.options.workload.clients, "Clients (default 10)")
      ->check(CLI::Range(1, 10'000));
  command
      .add_option("--rate", given.options.workload.rate,
                  "Requests a second of all clients together (default 500)")
      ->check(CLI::PositiveNumber);
  command.add_option("--seed", given.options.seed, "Draws faults and requests (default 1)");
  command
      .add_option("--election-timeout", given.election_timeout_ms,
                  "Of the nodes, in milliseconds (default 500); faults last 1 to 8 of them")
      ->check(CLI::Range(50, 60'000));
  command.add_option("--network", given.network,
                     "hosts: each node has a network of its own (default); loopback: faults of "
                     "processes alone");
  command.add_option("--ticketd", given.options.program,
                     "The program (default: ticketd beside this one)");
  command.add_option("--results", given.results,
                     "Where the run's directory is made (default results)");
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
  auto* run = app.add_subcommand("run", "Hurts a cluster, and judges what its clients saw");
  auto* check = app.add_subcommand("check", "Judges a recorded history");
  auto* report = app.add_subcommand("report", "Makes report.html of a recorded history again");
  report->add_option("HISTORY", given.file, "In EDN; run.json beside it has the parameters")
      ->required();
  report->add_option("--out", given.out, "The page (default report.html beside the history)");
  auto* cross = app.add_subcommand(
      "cross-check", "Compares the fast checker with the general one on random histories");
  describe_run(*run, given.run);
  describe_check(*check, given);
  describe_cross_check(*cross, given);
  app.require_subcommand(1);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (run->parsed()) {
    given.run.command = "ticketd-jepsen";
    for (int at = 1; at < count; ++at) given.run.command += " " + quoted(arguments[at]);
    if (run->count("--seed") == 0) {
      given.run.command += " --seed " + std::to_string(given.run.options.seed);
    }
    return run_run(given.run);
  }
  if (report->parsed()) return run_report(given);
  return check->parsed() ? run_check(given) : run_cross_check(given);
}

}  // namespace ticketd::jepsen
