#include "server/gathering.h"

#include <doctest/doctest.h>

namespace ticketd::server {
namespace {

constexpr raft::Time kStart{1'000'000};

raft::Time after(raft::Micros span) { return kStart + span; }

TEST_CASE("without anybody who was answered nobody is waited for") {
  Gathering gathering;
  gathering.came(kStart, 1);
  CHECK_FALSE(gathering.wait(kStart));
  CHECK_FALSE(gathering.until());
}

TEST_CASE("those who were answered are waited for until they are back") {
  Gathering gathering;
  gathering.answered(3);
  CHECK(gathering.wait(kStart));
  CHECK(gathering.until() == after(Gathering::kPatience));
  gathering.came(after(100), 2);
  CHECK(gathering.wait(after(100)));
  CHECK(gathering.until() == after(100 + Gathering::kPatience));
  gathering.came(after(150), 1);
  CHECK_FALSE(gathering.wait(after(150)));
  gathering.proposed();
  CHECK_FALSE(gathering.until());
  // Those of the entry that was made are not waited for before they are answered.
  gathering.came(after(200), 1);
  CHECK_FALSE(gathering.wait(after(200)));
}

TEST_CASE("who is back before anything could be made of it is not waited for again") {
  Gathering gathering;
  gathering.answered(64);
  gathering.stop();
  gathering.came(after(10), 63);
  CHECK(gathering.wait(after(10)));
  gathering.came(after(20), 1);
  CHECK_FALSE(gathering.wait(after(20)));
}

TEST_CASE("a lone client finds nobody to wait for but itself") {
  Gathering gathering;
  gathering.answered(1);
  gathering.came(after(10), 1);
  CHECK_FALSE(gathering.wait(after(10)));
}

TEST_CASE("waiting ends when nobody comes, and at its limit whoever comes") {
  Gathering silent;
  silent.answered(2);
  CHECK(silent.wait(kStart));
  CHECK(silent.wait(after(Gathering::kPatience - 1)));
  CHECK_FALSE(silent.wait(after(Gathering::kPatience)));

  Gathering slow;
  slow.answered(1'000'000);
  raft::Micros now = 0;
  while (slow.wait(after(now))) {
    now += Gathering::kPatience / 2;
    slow.came(after(now), 1);
    REQUIRE(now <= Gathering::kLimit);
  }
  CHECK(now == Gathering::kLimit);
  // So many came that it was worth it: the next ones are waited for, too.
  slow.proposed();
  slow.answered(1);
  CHECK(slow.wait(after(now)));
}

TEST_CASE("who waited in vain waits more and more seldom, and as before when it was worth it") {
  Gathering gathering;
  /// Entries until it waits again; then it is in vain or not.
  const auto entries_until_wait = [&](bool in_vain) {
    for (int entries = 1;; ++entries) {
      gathering.answered(2);
      const bool waits = gathering.wait(kStart);
      if (!in_vain) gathering.came(kStart, 2);
      if (waits) CHECK_FALSE(gathering.wait(after(in_vain ? Gathering::kPatience : 0)));
      gathering.proposed();
      if (waits) return entries;
    }
  };
  CHECK(entries_until_wait(true) == 1);
  CHECK(entries_until_wait(true) == 2);
  CHECK(entries_until_wait(true) == 4);
  int longest = 0;
  for (int i = 0; i < 12; ++i) longest = entries_until_wait(true);
  CHECK(longest == Gathering::kSkippedMax + 1);
  CHECK(entries_until_wait(false) == Gathering::kSkippedMax + 1);
  CHECK(entries_until_wait(false) == 1);
}

TEST_CASE("what cannot be an entry now is not waited for") {
  Gathering gathering;
  gathering.answered(2);
  CHECK(gathering.wait(kStart));
  gathering.stop();
  CHECK_FALSE(gathering.until());
}

}  // namespace
}  // namespace ticketd::server
