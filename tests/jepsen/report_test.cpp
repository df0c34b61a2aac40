// What is drawn of a history, and the page around it.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "jepsen/report_charts.h"
#include "jepsen/report_data.h"
#include "jepsen/report_page.h"
#include "tests/jepsen/histories.h"

namespace ticketd::jepsen {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000, kSecond = 1'000'000'000;

std::uint64_t counted(const Throughput& data, Outcome outcome) {
  std::uint64_t sum = 0;
  for (const auto& bucket : data.buckets) sum += bucket[static_cast<std::size_t>(outcome)];
  return sum;
}

std::uint64_t counted(const Latencies& cells, Outcome outcome) {
  std::uint64_t sum = 0;
  for (std::size_t column = 0; column < Latencies::kColumns; ++column) {
    for (std::size_t row = 0; row <= Latencies::kRows; ++row) {
      sum += cells.count(outcome, column, row);
    }
  }
  return sum;
}

std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) {
    ++count;
  }
  return count;
}

/// `count` takes, one a millisecond, each as long.
Histories many(std::uint64_t count) {
  Histories histories;
  for (std::uint64_t at = 0; at < count; ++at) {
    const auto begin = static_cast<std::int64_t>(at) * kMillisecond;
    histories.took(begin, begin + kMillisecond, at);
  }
  return histories;
}

TEST_CASE("operations are counted where they ended, those of unknown outcome where they began") {
  Histories histories;
  histories.took(0, 250 * kMillisecond, 0).took(0, 90 * kMillisecond, 1);
  histories.failed(10, 20).unknown(310 * kMillisecond);
  const Throughput data = throughput(histories.history());
  CHECK(data.bucket_ns == 100 * kMillisecond);
  REQUIRE(data.buckets.size() == 4);
  CHECK(data.buckets[0] == std::array<std::uint64_t, 3>{1, 1, 0});
  CHECK(data.buckets[2] == std::array<std::uint64_t, 3>{1, 0, 0});
  CHECK(data.buckets[3] == std::array<std::uint64_t, 3>{0, 0, 1});
  CHECK(data.per_second(2, Outcome::kOk) == 10);
}

TEST_CASE("buckets grow with the time, and none is lost") {
  for (const std::int64_t seconds : {1, 23, 24, 25, 3600, 86400}) {
    Histories histories;
    histories.took(0, 1, 0).took(seconds * kSecond - 1, seconds * kSecond, 1);
    const Throughput data = throughput(histories.history());
    CHECK(data.buckets.size() <= 240);
    CHECK(static_cast<std::int64_t>(data.buckets.size()) * data.bucket_ns > seconds * kSecond);
    CHECK(counted(data, Outcome::kOk) == 2);
  }
  CHECK(throughput(History()).buckets.size() == 1);
}

TEST_CASE("latencies stand in rows by their logarithm, the outermost ones hold the rest") {
  CHECK(latency_row(0) == 0);
  CHECK(latency_row(0.1) == 0);
  CHECK(latency_row(1.0001) == Latencies::kRowsPerDecade);
  CHECK(latency_row(1000.1) == 4 * Latencies::kRowsPerDecade);
  CHECK(latency_row(10'000) == Latencies::kRows - 1);
  CHECK(latency_row(std::numeric_limits<double>::infinity()) == Latencies::kRows - 1);
}

TEST_CASE("every operation is in some cell, an unknown one above all latencies") {
  Histories histories = many(3000);
  histories.unknown(3000 * kMillisecond);
  histories.failed(1, 2);
  const Latencies cells(histories.history());
  CHECK(counted(cells, Outcome::kOk) == 3000);
  CHECK(counted(cells, Outcome::kFail) == 1);
  CHECK(cells.count(Outcome::kUnknown, Latencies::kColumns - 1, Latencies::kRows) == 1);
}

TEST_CASE("faults are summed up by name, with what was asked before their healing") {
  Histories histories;
  histories.took(0, 1, 0);
  histories.took(10, 11, 1).failed(15, 16).unknown(19);
  histories.took(20, 24, 2).took(40, 41, 3);
  History history = histories.history();
  history.faults = {{10, "begin-kill", ""}, {20, "healed-kill", ""}, {21, "end-kill", ""},
                    {40, "begin-kill", ""}, {41, "healed-kill", ""}, {50, "begin-cut", ""}};
  const auto faults = summarize_faults(history, fault_windows(history));
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].fault == "cut");
  CHECK(faults[0].operations == 0);
  CHECK(faults[1].count == 2);
  CHECK(faults[1].operations == 4);
  CHECK(faults[1].ok == 2);
  CHECK(faults[1].unknown == 1);
  CHECK(faults[1].recoveries_ms == std::vector<double>{4e-6});
}

TEST_CASE("a finding is drawn with its neighbours in its sequence, the nearest ones") {
  Histories histories = many(100);
  histories.on("other").took(50 * kMillisecond, 51 * kMillisecond, 0);
  const Finding finding{"wrong", {50, 60}};
  const auto chosen = around(histories.history(), finding, 8);
  CHECK(chosen == std::vector<std::uint32_t>{48, 49, 50, 51, 52, 59, 60, 61});
  CHECK(around(histories.history(), {"nobody", {}}, 8).empty());
  CHECK(around(histories.history(), {"all", {1, 2, 3}}, 2) == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("text cannot leave its place in the page") {
  CHECK(escaped_html("a<b>&\"c\" 'd'") == "a&lt;b&gt;&amp;&quot;c&quot; &#39;d&#39;");
  CHECK(escaped_html(std::string("\0\x1b\n\t\x7f", 5)) ==
        "\xef\xbf\xbd\xef\xbf\xbd\n\t\xef\xbf\xbd");
  CHECK(escaped_html("Grüße") == "Grüße");
}

TEST_CASE("the page holds whatever was said, escaped, and asks for nothing") {
  const std::string evil = "<script>alert(1)</script>\"'&";
  Histories histories;
  histories.on(evil).took(0, 1, 0).took(2, 3, 0);
  History history = histories.history();
  history.faults = {{1, "begin-kill", ""}, {2, "kill", evil}, {3, "healed-kill", evil}};
  RunFacts facts;
  facts.parameters = {{evil, evil}};
  facts.command = evil;
  facts.failures = {evil};
  const std::string page = report_page(history, check(history), facts);
  CHECK(page.find("FAILED") != std::string::npos);
  CHECK(page.find("handed out twice") != std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("http") == std::string::npos);
  CHECK(page.find("url(") == std::string::npos);
  CHECK(occurrences(page, "&lt;script&gt;") > 6);
}

TEST_CASE("a page says that all is well, and what is not known") {
  const History history = many(10).history();
  RunFacts facts;
  CHECK(report_page(history, check(history), facts).find("not known") != std::string::npos);
  facts.parameters = {{"Seed", "1"}};
  const std::string page = report_page(history, check(history), facts);
  CHECK(page.find("VALID") != std::string::npos);
  CHECK(page.find("FAILED") == std::string::npos);
  facts.failures = {"the nodes did not come to one state"};
  CHECK(report_page(history, check(history), facts).find("FAILED") != std::string::npos);
}

TEST_CASE("a long history makes no longer page") {
  const History history = many(1'000'000).history();
  const std::string page = report_page(history, check(history), {});
  CHECK(page.size() < 1'000'000);
}

TEST_CASE("an empty history makes a page, too") {
  CHECK(report_page(History(), Verdict(), {}).find("<svg") != std::string::npos);
}

TEST_CASE("a run's facts come back from the disk, and damage is told") {
  const auto path = std::filesystem::temp_directory_path() /
                    ("ticketd-jepsen-facts-" + std::to_string(::getpid()) + ".json");
  RunFacts facts;
  facts.parameters = {{"Seed", "7"}, {"Nodes", "5"}};
  facts.command = "run 'it'";
  facts.election_timeout = std::chrono::milliseconds(500);
  facts.failures = {"bytes \xff of a node"};
  FaultSummary fault;
  fault.fault = "kill";
  fault.recoveries_ms = {1.5, std::numeric_limits<double>::infinity()};
  const Status written = write_run_facts(path, facts, "valid", {fault});
  REQUIRE(written.ok());
  const auto read = read_run_facts(path);
  REQUIRE(read.ok());
  CHECK(read->parameters == facts.parameters);
  CHECK(read->command == facts.command);
  CHECK(read->election_timeout == facts.election_timeout);
  CHECK(read->failures == std::vector<std::string>{"bytes \xef\xbf\xbd of a node"});
  std::ofstream(path) << "{\"command\": 3}";
  CHECK_FALSE(read_run_facts(path).ok());
  std::filesystem::remove(path);
  CHECK_FALSE(read_run_facts(path).ok());
}

}  // namespace
}  // namespace ticketd::jepsen
