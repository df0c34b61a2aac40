// docs/cli.md says what the program takes and prints.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/bench_view.h"
#include "cli/option_table.h"
#include "cli/options.h"
#include "cli/status_view.h"
#include "tests/cli/temporary_directory.h"

namespace ticketd::cli {
namespace {

const std::string& page() {
  static const std::string text = read_file(TICKETD_CLI_PAGE);
  REQUIRE_FALSE(text.empty());
  return text;
}

/// The line of the page that begins with `start`; empty: there is none.
std::string line_with(const std::string& start) {
  const std::size_t at = page().find("\n" + start);
  return at == std::string::npos ? "" : page().substr(at + 1, page().find('\n', at + 1) - at - 1);
}

std::string as_written(const OptionRow& row) {
  std::string name = row.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return (row.letter != 0 ? std::string("`-") + row.letter + "`, " : "") + "`--" + name +
         (row.value != nullptr ? std::string(" ") + row.value : "") + "`";
}

TEST_CASE("the page has a line for every option, with its default and its commands") {
  for (const OptionRow& row : option_rows()) {
    const std::string begin = "| " + as_written(row) + " | ";
    CAPTURE(begin);
    std::string rest = line_with(begin);
    REQUIRE_FALSE(rest.empty());
    rest.erase(0, begin.size());
    CHECK(
        rest.starts_with(row.fallback != nullptr ? "`" + std::string(row.fallback) + "` |" : "| "));
    for (const CommandRow& command : command_rows()) {
      if (row.commands != kEveryCommand && (row.commands & only(command.name)) != 0) {
        CHECK(rest.find("`" + std::string(command.word) + "`") != std::string::npos);
      }
    }
  }
}

TEST_CASE("the page has a line for every command") {
  for (const CommandRow& command : command_rows()) {
    std::string typed = "ticketd";
    for (const std::string word : {command.word, command.argument}) {
      typed += (word.empty() ? "" : " ") + word;
    }
    CAPTURE(typed);
    CHECK_FALSE(line_with("| `" + typed).empty());
  }
}

TEST_CASE("the page names the ranges that are accepted") {
  const auto range = [](std::uint64_t least, std::uint64_t most) {
    return std::to_string(least) + " to " + std::to_string(most);
  };
  CHECK(line_with("| `-s`").find(range(kDbSizeMegabytesMin, kDbSizeMegabytesMax)) !=
        std::string::npos);
  CHECK(line_with("| `--election-timeout")
            .find(range(kElectionTimeoutMsMin, kElectionTimeoutMsMax)) != std::string::npos);
  CHECK(line_with("| `--request-timeout").find(range(kRequestTimeoutMsMin, kRequestTimeoutMsMax)) !=
        std::string::npos);
  CHECK(line_with("| `--count").find(range(1, kCountMax)) != std::string::npos);
  CHECK(line_with("| `--idempotency-keys").find(range(0, kIdempotencyKeysMax)) !=
        std::string::npos);
  CHECK(line_with("| `--clients").find(range(1, load::kClientsMax)) != std::string::npos);
  CHECK(line_with("| `--pipeline").find(range(1, load::kPipelineMax)) != std::string::npos);
  CHECK(line_with("| `--rate").find(range(1, load::kRateMax)) != std::string::npos);
  CHECK(line_with("| `--keys").find(range(1, load::kKeysMax)) != std::string::npos);
  CHECK(line_with("| `--requests N").find(range(1, kBenchRequestsMax)) != std::string::npos);
  CHECK(line_with("| `--warmup").find(range(0, kBenchSecondsMax)) != std::string::npos);
}

TEST_CASE("the page names every field of the status, and no other") {
  StatusView view;
  view.node.members.emplace_back();
  const auto json = nlohmann::json::parse(status_json(view));
  std::vector<std::string> fields;
  for (const auto& object : {json, json["space"], json["disk"], json["members"][0]}) {
    for (const auto& [name, value] : object.items()) {
      fields.push_back(name);
      CAPTURE(name);
      CHECK(page().find("`" + name + "`") != std::string::npos);
    }
  }
  // Of the words in the first column of the two tables.
  std::size_t at = page().find("## Status as JSON");
  const std::size_t section_end = page().find("\n## ", at);
  while ((at = page().find("\n| `", at)) < section_end) {
    const std::string cell = page().substr(at + 3, page().find(" | ", at) - at - 3);
    at += cell.size();
    for (std::size_t tick = cell.find('`'); tick != std::string::npos;) {
      const std::size_t end = cell.find('`', tick + 1);
      const std::string name = cell.substr(tick + 1, end - tick - 1);
      CAPTURE(name);
      CHECK(std::find(fields.begin(), fields.end(), name) != fields.end());
      tick = cell.find('`', end + 1);
    }
  }
}

TEST_CASE("the page names every field of a measurement") {
  const auto json = nlohmann::json::parse(bench_json({}, {}));
  const std::string section = page().substr(page().find("## Measurements as JSON"));
  for (const auto& object : {json, json["failures"], json["latency_us"]}) {
    for (const auto& [name, value] : object.items()) {
      CAPTURE(name);
      CHECK(section.find("`" + name + "`") != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace ticketd::cli
