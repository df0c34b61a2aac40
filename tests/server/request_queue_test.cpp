#include "server/request_queue.h"

#include <doctest/doctest.h>

#include <vector>

namespace ticketd::server {
namespace {

using ticket::Kind;

constexpr ticket::KeyLimits kLimits{.age_us = 7, .keys = 8};

ticket::Request take(std::string sequence, std::uint64_t count, std::string key = {}) {
  return {Kind::kTake, std::move(sequence), count, std::move(key)};
}

Waiter waiter(std::vector<int>& answered, int name, std::uint64_t deadline = 100) {
  return {[&answered, name](const ticket::Answer&) { answered.push_back(name); },
          raft::Time(deadline)};
}

TEST_CASE("requests for one sequence become one operation, and answers keep their order") {
  RequestQueue queue;
  std::vector<int> answered;
  queue.add(take("", 1), waiter(answered, 0));
  queue.add(take("a", 5), waiter(answered, 1));
  queue.add(take("", 3), waiter(answered, 2));
  Group group = queue.next_group(42, kLimits);
  CHECK(queue.empty());
  CHECK(group.batch == ticket::Batch{42,
                                     {},
                                     {{Kind::kTake, "", {1, 3}, ""}, {Kind::kTake, "a", {5}, ""}}});
  for (Waiter& each : group.waiters) each.done(ticket::Done{});
  CHECK(answered == std::vector<int>{0, 2, 1});
}

TEST_CASE("a group is bounded, what is left stays in order") {
  RequestQueue queue;
  std::vector<int> answered;
  for (std::size_t i = 0; i < RequestQueue::kMaxGroup + 2; ++i) {
    queue.add(take("", i + 1), waiter(answered, static_cast<int>(i)));
  }
  CHECK(queue.next_group(0, kLimits).waiters.size() == RequestQueue::kMaxGroup);
  const Group rest = queue.next_group(0, kLimits);
  REQUIRE(rest.batch.operations.size() == 1);
  CHECK(rest.batch.operations[0].values ==
        std::vector<std::uint64_t>{RequestQueue::kMaxGroup + 1, RequestQueue::kMaxGroup + 2});
}

TEST_CASE("a run of requests is as many, and goes into one entry as a whole") {
  RequestQueue queue;
  std::vector<int> answered;
  constexpr std::uint32_t kTimes = ticket::kMaxTimes;
  const auto run = [&](std::string sequence, std::uint64_t count, std::uint32_t times, int name) {
    Waiter each = waiter(answered, name);
    each.times = times;
    ticket::Request request = take(std::move(sequence), count);
    request.times = times;
    queue.add(std::move(request), std::move(each));
  };
  run("", 7, 3, 0);
  queue.add(take("", 1), waiter(answered, 1));
  run("", 2, 2, 2);
  CHECK(queue.size() == 6);
  CHECK(queue.room() == RequestQueue::kMaxWaiting - 6);
  const Group group = queue.next_group(0, kLimits);
  CHECK(queue.empty());
  REQUIRE(group.batch.operations.size() == 1);
  CHECK(group.batch.operations[0].values == std::vector<std::uint64_t>{7, 7, 7, 1, 2, 2});
  REQUIRE(group.waiters.size() == 3);
  CHECK(group.waiters[2].times == 2);
  // The third one would only fit in part.
  for (int i = 0; i < 5; ++i) run("a", 1, kTimes - 1, i);
  std::size_t requests = 0;
  const Group whole = queue.next_group(0, kLimits);
  for (const Waiter& each : whole.waiters) requests += each.times;
  CHECK(requests == RequestQueue::kMaxGroup / kTimes * (kTimes - 1));
  CHECK(queue.size() == kTimes - 1);
}

TEST_CASE("what is taken from a long queue is taken in order, as much as was put in") {
  RequestQueue queue;
  std::vector<int> answered;
  for (std::size_t i = 0; i < RequestQueue::kMaxWaiting; ++i) {
    queue.add(take("", i + 1), waiter(answered, static_cast<int>(i), 10 + i % 2));
  }
  CHECK(queue.room() == 0);
  CHECK(queue.next_group(0, kLimits).batch.operations[0].values.back() == RequestQueue::kMaxGroup);
  CHECK(queue.expire(raft::Time(10)).size() ==
        (RequestQueue::kMaxWaiting - RequestQueue::kMaxGroup) / 2);
  std::uint64_t last = RequestQueue::kMaxGroup;
  while (!queue.empty()) {
    const Group group = queue.next_group(0, kLimits);
    for (const std::uint64_t count : group.batch.operations[0].values) {
      CHECK(count == last + 2);
      last = count;
    }
  }
  CHECK(last == RequestQueue::kMaxWaiting);
  CHECK(queue.room() == RequestQueue::kMaxWaiting);
  CHECK_FALSE(queue.next_expiry());
}

TEST_CASE("only requests whose time has run out expire") {
  RequestQueue queue;
  std::vector<int> answered;
  queue.add(take("", 1), waiter(answered, 0, 10));
  queue.add(take("", 1), waiter(answered, 1, 20));
  CHECK(queue.expire(raft::Time(9)).empty());
  CHECK(queue.expire(raft::Time(10)).size() == 1);
  CHECK(queue.next_expiry() == raft::Time(20));
}

TEST_CASE("a request that has less time expires before those that came earlier") {
  RequestQueue queue;
  std::vector<int> answered;
  queue.add(take("", 1), waiter(answered, 0, 50));
  queue.add(take("", 1), waiter(answered, 1, 10));
  CHECK(queue.next_expiry() == raft::Time(10));
  Waiters expired = queue.expire(raft::Time(10));
  REQUIRE(expired.size() == 1);
  expired[0].done(ticket::Done{});
  CHECK(answered == std::vector<int>{1});
  CHECK(queue.next_group(0, kLimits).waiters.size() == 1);
  CHECK_FALSE(queue.next_expiry());
}

TEST_CASE("requests for one sequence keep their order around one that is not a plain take") {
  RequestQueue queue;
  std::vector<int> answered;
  queue.add(take("a", 1), waiter(answered, 0));
  queue.add(take("b", 1), waiter(answered, 1));
  queue.add(take("a", 2, "key"), waiter(answered, 2));
  queue.add(take("a", 3), waiter(answered, 3));
  queue.add({Kind::kAdvance, "a", 9, ""}, waiter(answered, 4));
  queue.add(take("a", 4), waiter(answered, 5));
  queue.add(take("a", 5), waiter(answered, 6));
  queue.add(take("b", 6), waiter(answered, 7));
  queue.add({Kind::kRemove, "a", 0, ""}, waiter(answered, 8));
  Group group = queue.next_group(1, kLimits);
  CHECK(group.batch == ticket::Batch{1,
                                     kLimits,
                                     {{Kind::kTake, "a", {1}, ""},
                                      {Kind::kTake, "b", {1, 6}, ""},
                                      {Kind::kTake, "a", {2}, "key"},
                                      {Kind::kTake, "a", {3}, ""},
                                      {Kind::kAdvance, "a", {9}, ""},
                                      {Kind::kTake, "a", {4, 5}, ""},
                                      {Kind::kRemove, "a", {0}, ""}}});
  for (Waiter& each : group.waiters) each.done(ticket::Done{});
  CHECK(answered == std::vector<int>{0, 1, 7, 2, 3, 4, 5, 6, 8});
}

}  // namespace
}  // namespace ticketd::server
