#include "serve/ring.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <deque>
#include <string>

namespace ticketd::serve {
namespace {

TEST_CASE("places grow by one, whatever is taken out") {
  Ring<int> ring;
  CHECK(ring.empty());
  for (std::uint64_t place = 0; place < 100; ++place) {
    CHECK(ring.push() == place);
    CHECK(ring.end() == place + 1);
    if (place % 3 == 2) {
      ring.pop();
    }
  }
  CHECK(ring.size() == 67);
}

/// Knows how many there are.
struct Counted {
  Counted() { ++alive; }
  Counted(Counted&& other) noexcept : value(other.value) { ++alive; }
  Counted& operator=(Counted&&) noexcept = default;
  ~Counted() { --alive; }
  int value = 0;
  static inline int alive = 0;
};

TEST_CASE("a ring that was long gives its memory back when it is told to, and is empty") {
  Ring<Counted> ring;
  for (int i = 0; i < 1000; ++i) {
    ring.at(ring.push()).value = i;
  }
  for (int i = 0; i < 999; ++i) {
    ring.pop();
  }
  ring.give_back();
  CHECK(ring.back().value == 999);
  ring.pop();
  CHECK(Counted::alive >= 1000);  // for the next long one
  ring.give_back();
  CHECK(Counted::alive == 0);
  const std::uint64_t place = ring.push();
  CHECK(place == 1000);
  ring.at(place).value = 7;
  CHECK(ring.front().value == 7);
  const int few = Counted::alive;
  ring.pop();
  ring.give_back();
  CHECK(Counted::alive == few);
}

TEST_CASE("a ring is a queue whose elements keep their places") {
  CHECK(rc::check("a deque", [] {
    Ring<std::string> ring;
    std::deque<std::string> twin;
    std::uint64_t first = 0;
    // Long enough to grow, and empty enough to shrink.
    const auto steps =
        *rc::gen::container<std::string>(200, rc::gen::elementOf(std::string("++-")));
    for (const char step : steps) {
      if (step == '+') {
        const std::string value = std::to_string(first + twin.size());
        ring.at(ring.push()) = value;
        twin.push_back(value);
      } else if (!twin.empty()) {
        ring.pop();
        twin.pop_front();
        ++first;
      }
      RC_ASSERT(ring.size() == twin.size());
      RC_ASSERT(ring.end() == first + twin.size());
      for (std::size_t i = 0; i < twin.size(); ++i) {
        RC_ASSERT(ring.at(first + i) == twin[i]);
      }
      if (!twin.empty()) {
        RC_ASSERT(ring.front() == twin.front());
        RC_ASSERT(ring.back() == twin.back());
      }
    }
  }));
}

}  // namespace
}  // namespace ticketd::serve
