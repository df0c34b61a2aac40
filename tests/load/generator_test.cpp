// Whole runs against servers of a few lines. No figure in seconds is checked.
#include "load/generator.h"

#include <doctest/doctest.h>

#include <atomic>

#include "tests/load/stand_in.h"

namespace ticketd::load {
namespace {

constexpr std::size_t kTicketBytes = std::string_view("*1\r\n$6\r\nTICKET\r\n").size();

std::string simple(std::uint64_t number) { return "+" + std::to_string(number) + "\r\n"; }

Options options(std::vector<std::string> nodes, std::uint64_t requests) {
  Options options;
  options.nodes = std::move(nodes);
  options.work.protocol = Protocol::kRedis;
  options.warm_up = 0;
  options.time = 0;
  options.requests = requests;
  return options;
}

Report run(const Options& options) {
  Result<Report> report = generate(options, {});
  REQUIRE_MESSAGE(report.ok(), (report.ok() ? "" : report.error().message));
  return *std::move(report);
}

std::uint64_t count(const Report& report, Outcome outcome) {
  return report.outcomes[static_cast<std::size_t>(outcome)];
}

TEST_CASE("every request of a closed loop is answered and counted once") {
  for (const std::uint64_t clients : {1u, 7u}) {
    for (const std::uint64_t pipeline : {1u, 16u}) {
      std::uint64_t given = 0;
      StandIn leader(kTicketBytes, [&] { return simple(++given); });
      Options wanted = options({leader.name()}, 5000);
      wanted.clients = clients;
      wanted.pipeline = pipeline;
      const Report report = run(wanted);
      CHECK(report.done() == 5000);
      CHECK(report.latency.count() == 5000);
      CHECK(report.connects == clients);
      CHECK(report.duration > 0);
    }
  }
}

TEST_CASE("no more is asked than was ordered, though there is room for more") {
  for (const std::uint64_t rate : {0u, 100'000u}) {
    std::uint64_t given = 0;
    StandIn leader(kTicketBytes, [&] { return simple(++given); });
    Options wanted = options({leader.name()}, 10);
    wanted.clients = 3;
    wanted.pipeline = 8;
    wanted.rate = rate;
    CHECK(run(wanted).done() == 10);
  }
}

TEST_CASE("an open loop sends what is due, and everything is counted") {
  std::uint64_t given = 0;
  StandIn leader(kTicketBytes, [&] { return simple(++given); });
  Options wanted = options({leader.name()}, 2000);
  wanted.clients = 3;
  wanted.rate = 20'000;
  const Report report = run(wanted);
  CHECK(report.done() == 2000);
  CHECK(report.unsent == 0);
  // The last of them is due then, however fast the server is.
  CHECK(report.duration >= 1999 * kSecond / 20'000);
}

TEST_CASE("what an open loop could not send in time is counted, too") {
  std::atomic<bool> stop{false};
  std::uint64_t given = 0;
  StandIn silent(kTicketBytes, [&]() -> std::optional<std::string> {
    // The one that finds the leader is answered, and then nothing is.
    if (++given == 1) {
      return simple(1);
    }
    stop = true;
    return "";
  });
  Options wanted = options({silent.name()}, 500);
  wanted.rate = 1'000'000;
  wanted.stop = &stop;
  const Report report = run(wanted);
  CHECK(report.done() == 0);
  CHECK(count(report, Outcome::kTimedOut) == 1);
  CHECK(report.unsent <= 499);
}

TEST_CASE("more than can be sent in the warm-up is no debt of the measurement") {
  std::uint64_t given = 0;
  StandIn leader(kTicketBytes, [&] { return simple(++given); });
  Options wanted = options({leader.name()}, 0);
  wanted.rate = kRateMax;
  wanted.warm_up = 50 * kMillisecond;
  wanted.time = 50 * kMillisecond;
  wanted.patience = kSecond;
  const Report report = run(wanted);
  CHECK(report.done() > 0);
  CHECK(report.done() + report.unsent + count(report, Outcome::kTimedOut) ==
        kRateMax / 20);  // in 50 ms
}

TEST_CASE("a follower's word leads to the leader, whichever node was given") {
  std::uint64_t given = 0;
  StandIn leader(kTicketBytes, [&] { return simple(++given); });
  StandIn follower(kTicketBytes, [&] { return "-MOVED 0 " + leader.name() + "\r\n"; });
  Options wanted = options({dead_name(), follower.name()}, 1000);
  wanted.clients = 4;
  wanted.pipeline = 4;
  const Report report = run(wanted);
  CHECK(report.done() == 1000);
  CHECK(count(report, Outcome::kMoved) == 0);
}

TEST_CASE(
    "when the leader goes, requests under way are counted as broken and the next one is found") {
  std::atomic<std::uint64_t> given{0};
  const auto give = [&]() -> std::optional<std::string> { return simple(++given); };
  std::atomic<bool> dead{false};
  StandIn first(kTicketBytes, [&]() -> std::optional<std::string> {
    dead = dead || given >= 500;
    return dead ? std::nullopt : give();
  });
  StandIn second(kTicketBytes, [&]() -> std::optional<std::string> {
    return dead ? give() : "-CLUSTERDOWN No Raft leader\r\n";
  });
  Options wanted = options({first.name(), second.name()}, 2000);
  wanted.clients = 2;
  wanted.pipeline = 8;
  const Report report = run(wanted);
  const std::uint64_t broken = count(report, Outcome::kBroken);
  CHECK(broken >= 1);
  CHECK(report.done() + broken + count(report, Outcome::kNoLeader) == 2000);
  CHECK(report.connects >= 4);
}

TEST_CASE("connections that break now and then are made again") {
  std::uint64_t given = 0;
  StandIn leader(kTicketBytes, [&]() -> std::optional<std::string> {
    ++given;
    return given % 50 == 0 ? std::nullopt : std::optional(simple(given));
  });
  Options wanted = options({leader.name()}, 1000);
  wanted.clients = 10;
  const Report report = run(wanted);
  CHECK(report.done() + count(report, Outcome::kBroken) == 1000);
  CHECK(count(report, Outcome::kBroken) >= 20);
  CHECK(report.connects > 10);
}

TEST_CASE("tickets that do not grow on one connection end the run") {
  for (const std::uint64_t again : {100u, 99u}) {
    std::uint64_t given = 0;
    StandIn leader(kTicketBytes, [&] { return simple(++given == 101 ? again : given); });
    const Result<Report> report = generate(options({leader.name()}, 1000), {});
    REQUIRE_FALSE(report.ok());
    CHECK(report.error().message ==
          "tickets do not grow: on one connection " + std::to_string(again) + " came after 100");
  }
}

TEST_CASE("answers that are none, and refusals, are told with the first of them") {
  std::uint64_t given = 0;
  StandIn leader(kTicketBytes, [&] {
    ++given;
    return given % 3 == 0 ? "+what\r\n" : given % 3 == 2 ? "-ERR no\r\n" : simple(given);
  });
  const Report report = run(options({leader.name()}, 300));
  CHECK(report.done() + count(report, Outcome::kUnexpected) + count(report, Outcome::kRefused) ==
        300);
  CHECK(count(report, Outcome::kUnexpected) == 100);
  CHECK(report.first_failure == "\"-ERR no\\x0d\\x0a\"");
}

TEST_CASE("nobody that answers is an error that says why") {
  Options wanted = options({dead_name()}, 10);
  wanted.patience = 500 * kMillisecond;
  const Result<Report> nobody = generate(wanted, {});
  REQUIRE_FALSE(nobody.ok());
  CHECK(nobody.error().message.find("Connection refused") != std::string::npos);

  StandIn other(kTicketBytes, [] { return "HTTP/1.1 400 Bad Request\r\n"; });
  wanted.nodes = {other.name()};
  const Result<Report> stranger = generate(wanted, {});
  REQUIRE_FALSE(stranger.ok());
  CHECK(stranger.error().message.find("400 Bad Request") != std::string::npos);
}

TEST_CASE("any command is sent, and its answer searched for what is expected") {
  StandIn server(std::string_view("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n").size(),
                 [] { return "$5\r\nvalue\r\n"; });
  Options wanted = options({server.name()}, 100);
  wanted.work.command = "GET k";
  wanted.work.expect = "value";
  CHECK(run(wanted).done() == 100);
}

}  // namespace
}  // namespace ticketd::load
