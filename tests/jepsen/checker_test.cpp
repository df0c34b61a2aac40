// The checkers on trial: what they must catch, and what they must let pass.
#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "base/random.h"
#include "jepsen/cross_check.h"
#include "tests/jepsen/histories.h"

namespace ticketd::jepsen {
namespace {

// The history is copied: it is what the last of a chain of calls on a temporary returns.
#define CHECK_SOUND(history)                                                         \
  do {                                                                               \
    const Histories judged_ = (history);                                             \
    CHECK_MESSAGE(judged_.verdict().decision == Decision::kValid, judged_.judged()); \
  } while (false)

#define CHECK_CAUGHT(history, words)                                                    \
  do {                                                                                  \
    const Histories judged_ = (history);                                                \
    CHECK_MESSAGE(judged_.verdict().decision == Decision::kViolated, judged_.judged()); \
    CHECK_MESSAGE(judged_.judged().find(words) != std::string::npos, judged_.judged()); \
  } while (false)

/// Takes of ones, twos and threes with reads between them, one after the other: operation n lasts
/// from 10 n to 10 n + 5.
Histories one_by_one() {
  Histories history;
  history.took(0, 5, 0)
      .took(10, 15, 1, 2)
      .read(20, 25, 2)
      .took(30, 35, 3, 5)
      .took(40, 45, 6)
      .read(50, 55, 6)
      .took(60, 65, 7)
      .took(70, 75, 8, 9);
  return history;
}

TEST_CASE("a history without faults is sound") {
  CHECK_SOUND(Histories());
  CHECK_SOUND(one_by_one());
  CHECK_SOUND(Histories().read(0, 1, -1).took(2, 3, 0).read(4, 5, 0));
  CHECK_SOUND(Histories().on("").took(0, 1, 1).took(2, 3, 2));
  CHECK_SOUND(one_by_one().on("t").took(1, 2, 0).on("u").took(1, 2, 0, 9));
}

TEST_CASE("operations that overlap stand in any order") {
  CHECK_SOUND(Histories().took(0, 9, 2).took(1, 8, 0).took(2, 7, 1).read(3, 6, 0));
  CHECK_SOUND(Histories().read(0, 9, 4).took(0, 9, 0, 4).read(0, 9, -1));
}

TEST_CASE("intervals that touch overlap") {
  CHECK_SOUND(Histories().took(0, 5, 1).took(5, 9, 0));
  CHECK_CAUGHT(Histories().took(0, 5, 1).took(6, 9, 0), "returned before");
}

// --- What must be caught
// ---------------------------------------------------------------------------

TEST_CASE("a duplicate is caught") {
  CHECK_CAUGHT(one_by_one().took(80, 85, 9), "number 9 handed out twice");
  CHECK_CAUGHT(Histories().took(0, 9, 0).took(0, 9, 0), "number 0 handed out twice");
}

TEST_CASE("a skipped number is caught") {
  CHECK_CAUGHT(one_by_one().took(80, 85, 11), "number 10 given to nobody");
  CHECK_CAUGHT(Histories().took(0, 1, 1), "number 0 given to nobody");
  CHECK_CAUGHT(Histories().on("").took(0, 1, 2), "number 1 given to nobody");
}

TEST_CASE("two values swapped against real time are caught") {
  auto history = one_by_one();
  std::swap(history[4].begin, history[6].begin);
  std::swap(history[4].end, history[6].end);
  CHECK_CAUGHT(history, "returned before");
}

TEST_CASE("a read stale by one is caught") {
  CHECK_CAUGHT(Histories().took(0, 1, 0).took(2, 3, 1).read(4, 5, 0), "returned before");
  CHECK_CAUGHT(Histories().took(0, 1, 0).read(2, 3, -1), "returned before");
}

TEST_CASE("a read after a newer read is caught") {
  CHECK_CAUGHT(Histories().took(0, 9, 0).read(1, 2, 0).read(3, 4, -1), "returned before");
}

TEST_CASE("a read of the future is caught") {
  CHECK_CAUGHT(Histories().read(0, 1, 0).took(2, 3, 0), "returned before");
  CHECK_CAUGHT(Histories().took(0, 1, 0).read(2, 3, 1), "number 1 given to nobody");
}

TEST_CASE("a read in the midst of a range is caught") {
  CHECK_CAUGHT(Histories().took(0, 9, 0, 2).read(0, 9, 1), "midst of a range");
}

TEST_CASE("a read below the start is caught") {
  CHECK_CAUGHT(Histories().on("").read(0, 1, -1), "begins at 1");
}

TEST_CASE("ranges that overlap by one are caught") {
  CHECK_CAUGHT(Histories().took(0, 1, 0, 4).took(2, 3, 4, 6), "number 4 handed out twice");
  CHECK_CAUGHT(Histories().took(0, 9, 0, 9).took(0, 9, 2, 4), "handed out twice");
}

TEST_CASE("a range that falls short by one is caught") {
  auto history = one_by_one();
  history[3].end -= 1;
  CHECK_CAUGHT(history, "another size than the request");
  CHECK_CAUGHT(history, "number 5 given to nobody");
}

TEST_CASE("a range without numbers is caught") {
  auto history = one_by_one();
  history[7].end = history[7].begin;
  CHECK_CAUGHT(history, "another size than the request");
}

TEST_CASE("a retry with a new value is caught") {
  CHECK_CAUGHT(Histories().took(0, 1, 0, 0, "k").took(2, 3, 1, 1, "k"),
               "a retry has another answer");
}

TEST_CASE("one key for two requests is caught") {
  CHECK_CAUGHT(Histories().took(0, 1, 0, 0, "k").took(2, 3, 1, 2, "k"), "two requests");
  CHECK_CAUGHT(Histories().took(0, 1, 0, 0, "k").on("t").took(2, 3, 0, 0, "k"), "two requests");
}

TEST_CASE("a fork is caught: two leaders hand out the same numbers") {
  auto history = one_by_one();
  history.took(80, 85, 10).took(80, 85, 10, 11).took(90, 95, 11).took(90, 95, 12);
  CHECK_CAUGHT(history, "handed out twice");
}

TEST_CASE("a roll-back of the last few is caught") {
  CHECK_CAUGHT(one_by_one().took(80, 85, 7).took(90, 95, 8, 9).took(100, 105, 10),
               "handed out twice");
}

TEST_CASE("a roll-back that only a read sees is caught") {
  CHECK_CAUGHT(one_by_one().read(80, 85, 6), "returned before");
}

TEST_CASE("a reset is caught") {
  CHECK_CAUGHT(one_by_one().took(80, 85, 0), "number 0 handed out");
}

TEST_CASE("an unknown outcome turned into a failure although its effect is seen is caught") {
  CHECK_SOUND(one_by_one().unknown(80, 2).took(90, 95, 12));
  CHECK_CAUGHT(one_by_one().failed(80, 85, 2).took(90, 95, 12), "numbers 10-11 given to nobody");
}

TEST_CASE("a gap whose only unknown request was invoked too late is caught") {
  CHECK_CAUGHT(Histories().took(0, 1, 0).took(2, 3, 2).unknown(4), "invoked after one above");
  CHECK_SOUND(Histories().took(0, 1, 0).took(2, 3, 2).unknown(3));
}

TEST_CASE("a gap that is no multiple of what is unknown is caught") {
  CHECK_CAUGHT(Histories().unknown(0, 2).unknown(0, 2).took(2, 3, 3), "requests for 2 alone");
}

TEST_CASE("more gaps than unknown requests are caught") {
  CHECK_CAUGHT(Histories().unknown(0).took(2, 3, 1).took(4, 5, 3), "unknown are only 1");
}

TEST_CASE("a gap that all of the unknown requests together do not fill is caught") {
  CHECK_CAUGHT(Histories().unknown(0, 2).unknown(0, 5).took(2, 3, 4), "no order explains it");
}

TEST_CASE("a double apply shows as a gap") {
  CHECK_CAUGHT(Histories().took(0, 1, 0).took(2, 3, 2).took(4, 5, 3), "number 1 given to nobody");
}

/// Three takes and a read, sent as one.
Histories pipeline() {
  Histories history;
  history.pipeline(7).took(0, 90, 0).took(1, 91, 1, 3).read(2, 92, 3).took(3, 93, 4);
  return history;
}

TEST_CASE("answers of one pipeline out of order are caught") {
  CHECK_SOUND(pipeline());
  const char* const words = "not in the order of the requests";
  CHECK_CAUGHT(Histories().pipeline(7).took(0, 90, 1).took(1, 91, 0), words);
  // A read that did not see what was taken before it, or that saw what was taken behind it.
  CHECK_CAUGHT(Histories().pipeline(7).took(0, 90, 0).read(1, 91, -1), words);
  CHECK_CAUGHT(Histories().pipeline(7).read(0, 90, 0).took(1, 91, 0), words);
  // Across what failed, what is unknown, and another sequence.
  auto history = Histories().pipeline(7).took(0, 90, 2).failed(1, 91).unknown(2);
  history.on("t").took(3, 91, 0).on("s").took(4, 92, 0).pipeline(0).took(0, 90, 1);
  CHECK_CAUGHT(history, words);
  // Linearizable all of them, but for that.
  history[4].pipeline = 0;
  CHECK_SOUND(history);
}

TEST_CASE("pipelines side by side, and what is in none, stand in any order") {
  CHECK_SOUND(Histories().pipeline(7).took(0, 90, 1).pipeline(8).took(1, 91, 0));
  CHECK_SOUND(Histories().took(0, 90, 1).took(1, 91, 0));
  CHECK_SOUND(pipeline()
                  .pipeline(8)
                  .took(0, 92, 6)
                  .pipeline(7)
                  .took(50, 93, 7)
                  .took(60, 94, 8)
                  .pipeline(0)
                  .took(0, 92, 5));
  // Under a key an earlier answer may be told again.
  CHECK_SOUND(Histories().took(0, 1, 0, 0, "k").pipeline(7).took(2, 9, 1).took(3, 9, 0, 0, "k"));
}

TEST_CASE("the findings name the operations") {
  const auto history = one_by_one().took(80, 85, 9);
  CHECK(history.judged().find("took 8-9 of \"s\" from 0.000000070 to 0.000000075 s (line 8)") !=
        std::string::npos);
  CHECK(history.judged().find("took 9 of \"s\" from 0.000000080 to 0.000000085 s (line 9)") !=
        std::string::npos);
}

// --- What must stay valid
// --------------------------------------------------------------------------

TEST_CASE("a widened interval stays sound") {
  for (std::size_t victim = 0; victim < 8; ++victim) {
    auto history = one_by_one();
    history[victim].invoked_ns -= 25;
    history[victim].returned_ns += 25;
    CHECK_SOUND(history);
  }
}

TEST_CASE("an acknowledged operation turned into an unknown one stays sound") {
  for (const std::size_t victim : {0U, 1U, 3U, 4U, 6U, 7U}) {
    auto history = one_by_one();
    history[victim].outcome = Outcome::kUnknown;
    history[victim].returned_ns = kNever;
    history[victim].begin = history[victim].end = 0;
    CHECK_SOUND(history);
  }
}

TEST_CASE("an unknown request that was never done stays sound") {
  for (const std::uint32_t count : {1U, 2U, 7U}) {
    CHECK_SOUND(one_by_one().unknown(0, count).unknown(22, count + 1).unknown(100));
  }
}

TEST_CASE("a failure explains nothing and breaks nothing") {
  CHECK_SOUND(one_by_one().failed(0, 100, 3).failed(32, 38));
}

TEST_CASE("unknown requests of several sizes fill a gap together") {
  CHECK_SOUND(Histories().unknown(0, 2).unknown(0, 3).unknown(0, 4).took(2, 3, 6));
  CHECK_SOUND(Histories().unknown(0, 2).unknown(4, 3).took(2, 3, 2).took(5, 6, 6));
  CHECK_CAUGHT(Histories().unknown(0, 3).unknown(4, 2).took(2, 3, 2).took(5, 6, 6), "no order");
}

TEST_CASE("a retry under one key is one request that began with the first attempt") {
  CHECK_SOUND(Histories().unknown(0, 1, "k").took(1, 2, 1).took(10, 11, 0, 0, "k"));
  CHECK_CAUGHT(Histories().unknown(3, 1, "k").took(1, 2, 1).took(10, 11, 0, 0, "k"),
               "returned before");
  // It ended with its first answer, and what is told again later is no other number.
  CHECK_SOUND(Histories().took(0, 1, 0, 0, "k").took(2, 3, 1).took(4, 5, 0, 0, "k"));
  CHECK_CAUGHT(Histories().took(2, 3, 0).took(0, 1, 1, 1, "k").took(4, 5, 1, 1, "k"),
               "returned before");
}

TEST_CASE("an attempt that failed for certain does not begin the request") {
  CHECK_CAUGHT(Histories().failed(0, 1, 1, "k").took(2, 3, 1).took(10, 11, 0, 0, "k"),
               "returned before");
  CHECK_SOUND(Histories()
                  .failed(0, 1, 1, "k")
                  .unknown(2, 1, "k")
                  .took(2, 3, 1)
                  .failed(8, 9, 1, "k")
                  .took(10, 11, 0, 0, "k"));
}

TEST_CASE("unknown attempts under one key take one range at most") {
  CHECK_SOUND(Histories().unknown(0, 1, "k").unknown(1, 1, "k").took(2, 3, 1));
  CHECK_CAUGHT(Histories().unknown(0, 1, "k").unknown(1, 1, "k").took(2, 3, 2),
               "unknown are only 1");
}

TEST_CASE("numbers near the end of 64 bits are judged as others") {
  const std::uint64_t high = ~std::uint64_t{0} - 2;
  CHECK_CAUGHT(Histories().took(0, 1, 0).took(2, 3, high, high + 1), "given to nobody");
  CHECK_CAUGHT(Histories().unknown(0, 3).took(0, 1, 0).took(2, 3, high, high + 1),
               "unknown are only 1");
}

// --- Fast and general
// -------------------------------------------------------------------------------

TEST_CASE("the fast checker and the general one agree on random histories") {
  const auto result = cross_check(1, 300'000);
  CHECK_MESSAGE(result.difference.empty(), result.difference);
  CHECK(result.sequences == 300'000);
  // Each side of every question was asked often.
  CHECK(result.valid > 100'000);
  CHECK(result.violated > 40'000);
  CHECK(result.left_open > 1'000);
}

TEST_CASE("a long history of several sequences is judged") {
  constexpr std::int64_t kOperations = 400'000;
  Random random(5);
  Histories history;
  std::uint64_t next[4] = {};
  for (std::int64_t n = 0; n < kOperations; ++n) {
    const auto sequence = static_cast<std::size_t>(random.below(4));
    history.on("sequence " + std::to_string(sequence));
    const std::int64_t begin = n * 10 - static_cast<std::int64_t>(random.below(300));
    const std::int64_t end = n * 10 + static_cast<std::int64_t>(random.below(300));
    if (random.chance(1, 5)) {
      history.read(begin, end, static_cast<std::int64_t>(next[sequence]) - 1);
    } else if (random.chance(1, 100)) {
      history.unknown(begin);
      next[sequence] += random.below(2);
    } else {
      history.took(begin, end, next[sequence]++);
    }
  }
  const std::clock_t began = std::clock();
  const Verdict verdict = check(history.history());
  const auto seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  CHECK_MESSAGE(verdict.decision == Decision::kValid, describe(history.history(), verdict));
  CHECK(verdict.searched == 0);
  // Told and not judged: what is right does not depend on the machine.
  MESSAGE("operations checked in a second of processor time: ", double{kOperations} / seconds);
}

TEST_CASE("a search without the means to decide is no pass") {
  Histories history;
  for (std::uint32_t n = 0; n < 30; ++n) history.unknown(n, 100 + 7 * n);
  history.took(100, 101, 1500);
  CheckOptions options;
  options.budget.states = 1000;
  const Verdict verdict = check(history.history(), options);
  CHECK(verdict.decision == Decision::kUndecided);
  CHECK(describe(history.history(), verdict).find("undecided after") != std::string::npos);
}

TEST_CASE("the general checker goes through a long history with gaps of several sizes") {
  Random random(3);
  Histories history;
  std::uint64_t next = 0;
  for (std::int64_t n = 0; n < 20'000; ++n) {
    const auto count = static_cast<std::uint32_t>(random.between(1, 4));
    if (random.chance(1, 50)) {
      history.unknown(n * 10, count);
      if (random.chance(1, 2)) next += count;
    } else {
      history.took(n * 10 - static_cast<std::int64_t>(random.below(30)),
                   n * 10 + static_cast<std::int64_t>(random.below(30)), next, next + count - 1);
      next += count;
    }
  }
  const Verdict verdict = history.verdict();
  CHECK_MESSAGE(verdict.decision == Decision::kValid, history.judged());
  CHECK(verdict.searched == 1);
}

}  // namespace
}  // namespace ticketd::jepsen
