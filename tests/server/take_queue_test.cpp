#include "server/take_queue.h"

#include <doctest/doctest.h>

#include <vector>

namespace ticketd::server {
namespace {

TakeWaiter waiter(std::vector<int>& answered, int name, std::uint64_t deadline = 100) {
  return {[&answered, name](const ticket::TakeAnswer&) { answered.push_back(name); },
          raft::Time(deadline)};
}

TEST_CASE("requests for one sequence become one step, and answers keep their order") {
  TakeQueue queue;
  std::vector<int> answered;
  queue.add({"", 1}, waiter(answered, 0));
  queue.add({"a", 5}, waiter(answered, 1));
  queue.add({"", 3}, waiter(answered, 2));
  TakeGroup group = queue.next_group(42);
  CHECK(queue.empty());
  CHECK(group.batch == ticket::TakeBatch{42, {{"", {1, 3}}, {"a", {5}}}});
  for (TakeWaiter& each : group.waiters) each.done(ticket::Range{});
  CHECK(answered == std::vector<int>{0, 2, 1});
}

TEST_CASE("a group is bounded, what is left stays in order") {
  TakeQueue queue;
  std::vector<int> answered;
  for (std::size_t i = 0; i < TakeQueue::kMaxGroup + 2; ++i) {
    queue.add({"", i + 1}, waiter(answered, static_cast<int>(i)));
  }
  CHECK(queue.next_group(0).waiters.size() == TakeQueue::kMaxGroup);
  const TakeGroup rest = queue.next_group(0);
  REQUIRE(rest.batch.steps.size() == 1);
  CHECK(rest.batch.steps[0].counts ==
        std::vector<std::uint64_t>{TakeQueue::kMaxGroup + 1, TakeQueue::kMaxGroup + 2});
}

TEST_CASE("only requests whose time has run out expire") {
  TakeQueue queue;
  std::vector<int> answered;
  queue.add({"", 1}, waiter(answered, 0, 10));
  queue.add({"", 1}, waiter(answered, 1, 20));
  CHECK(queue.expire(raft::Time(9)).empty());
  CHECK(queue.expire(raft::Time(10)).size() == 1);
  CHECK(queue.next_expiry() == raft::Time(20));
}

TEST_CASE("a request that has less time expires before those that came earlier") {
  TakeQueue queue;
  std::vector<int> answered;
  queue.add({"", 1}, waiter(answered, 0, 50));
  queue.add({"", 1}, waiter(answered, 1, 10));
  CHECK(queue.next_expiry() == raft::Time(10));
  TakeWaiters expired = queue.expire(raft::Time(10));
  REQUIRE(expired.size() == 1);
  expired[0].done(ticket::Range{});
  CHECK(answered == std::vector<int>{1});
  CHECK(queue.next_group(0).waiters.size() == 1);
  CHECK_FALSE(queue.next_expiry());
}

TEST_CASE("an overflow is told as not done") {
  const auto answer = to_answer({0, 0, true});
  REQUIRE(std::holds_alternative<ticket::NotDone>(answer));
  CHECK(std::get<ticket::NotDone>(answer).why == ticket::NotDone::Why::kOverflow);
}

}  // namespace
}  // namespace ticketd::server
