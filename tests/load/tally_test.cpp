#include "load/tally.h"

#include <doctest/doctest.h>

#include "load/schedule.h"

namespace ticketd::load {
namespace {

TEST_CASE("a schedule is even, and nothing adds up over its rounding") {
  for (const std::uint64_t rate : {1ull, 3ull, 7ull, 1000ull, 999'983ull, 100'000'000ull}) {
    CAPTURE(rate);
    Schedule schedule(rate, 5 * kSecond);
    Nanos last = 0;
    for (std::uint64_t i = 0; i < 3 * std::min<std::uint64_t>(rate, 100'000); ++i) {
      const Nanos due = schedule.take();
      REQUIRE(due >= last);
      REQUIRE(due == 5 * kSecond + i * kSecond / rate);
      last = due;
    }
  }
}

TEST_CASE("taking goes on to the next, looking does not") {
  Schedule schedule(1000, 0);
  CHECK(schedule.next() == 0);
  CHECK(schedule.next() == 0);
  CHECK(schedule.take() == 0);
  CHECK(schedule.next() == kMillisecond);
}

TEST_CASE("latency counts from when a request was due, and only behind the warm-up") {
  Tally tally;
  tally.begin(1000);
  tally.add(Outcome::kDone, 999, 5000);
  tally.add(Outcome::kBroken, 999, 5000);
  tally.add(Outcome::kDone, 1000, 1100);
  tally.add(Outcome::kDone, 1050, 1150);
  tally.add(Outcome::kRefused, 1060, 1160);
  const Report report = tally.finish(2000);
  CHECK(report.done() == 2);
  CHECK(report.latency.count() == 2);
  CHECK(report.latency.max() == 100);
  CHECK(report.outcomes[static_cast<std::size_t>(Outcome::kRefused)] == 1);
  CHECK(report.outcomes[static_cast<std::size_t>(Outcome::kBroken)] == 0);
  CHECK(report.duration == 1000);
  CHECK(report.done_per_second() == doctest::Approx(2e6));
}

TEST_CASE("answers behind the last request make the run longer") {
  Tally tally;
  tally.begin(0);
  tally.add(Outcome::kDone, 10, 3000);
  CHECK(tally.finish(2000).duration == 3000);
}

TEST_CASE("the longest silence is told, that before the first and behind the last answer too") {
  const auto silence = [](std::initializer_list<Nanos> answers) {
    Tally tally;
    tally.begin(100);
    for (const Nanos at : answers) {
      tally.add(Outcome::kDone, 100, at);
    }
    return tally.finish(1000).longest_silence;
  };
  CHECK(silence({}) == 900);
  CHECK(silence({600, 700}) == 500);
  CHECK(silence({200, 800, 900}) == 600);
  CHECK(silence({200, 300}) == 700);
}

TEST_CASE("progress tells of what came since it was told last") {
  Tally tally;
  tally.add(Outcome::kDone, 0, 100);
  tally.add(Outcome::kTimedOut, 0, 100);
  const Progress first = tally.take_progress();
  CHECK(first.done == 1);
  CHECK(first.failed == 1);
  CHECK(first.p50 == 100);
  CHECK(tally.take_progress().done == 0);
}

TEST_CASE("the first failure is kept, printable and short") {
  Tally tally;
  tally.note_failure("a\r\n" + std::string(1000, 'x'));
  tally.note_failure("b");
  CHECK(tally.first_failure().starts_with("\"a\\x0d\\x0axxx"));
  CHECK(tally.first_failure().size() < 300);
}

}  // namespace
}  // namespace ticketd::load
