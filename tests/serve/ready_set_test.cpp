#include "serve/ready_set.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ticketd::serve {
namespace {

/// Two ends that are connected.
struct Pair {
  Pair() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0); }
  ~Pair() {
    for (const int end : ends) close(end);
  }
  std::array<int, 2> ends{};
};

/// Writes down what it is told.
struct Listener final : ReadySet::Member {
  void ready(bool readable, bool writable, bool ended) override {
    told += std::string(readable ? "r" : "") + (writable ? "w" : "") + (ended ? "e" : "") + " ";
    if (then) then();
  }
  std::string told;
  std::function<void()> then;
  ReadySet::Ticket ticket = 0;
};

struct Set {
  Set() : set(*ReadySet::open(loop)) { set->start(); }
  ~Set() {
    set->stop();
    loop.restart();
    loop.poll();
  }
  /// Until nothing more is told.
  void turn() {
    for (int i = 0; i < 3; ++i) {
      loop.restart();
      loop.poll();
    }
  }
  asio::io_context loop{1};
  std::shared_ptr<ReadySet> set;
};

TEST_CASE("a member is told once of what came, and again of what came later") {
  Set set;
  Pair pair;
  Listener member;
  REQUIRE(set.set->add(pair.ends[0], member, member.ticket));
  set.turn();
  CHECK(member.told == "w ");
  REQUIRE(write(pair.ends[1], "a", 1) == 1);
  set.turn();
  CHECK(member.told == "w rw ");
  set.turn();
  CHECK(member.told == "w rw ");
  REQUIRE(write(pair.ends[1], "b", 1) == 1);
  set.turn();
  CHECK(member.told == "w rw rw ");
  REQUIRE(shutdown(pair.ends[1], SHUT_WR) == 0);
  set.turn();
  CHECK(member.told == "w rw rw rwe ");
  set.set->remove(member.ticket);
}

TEST_CASE("who was removed is told nothing, nor is who has its place") {
  Set set;
  Pair one, two, three;
  Listener first, second, third;
  REQUIRE(set.set->add(one.ends[0], first, first.ticket));
  REQUIRE(set.set->add(two.ends[0], second, second.ticket));
  // Both have news; whoever hears first removes the other one, and a third one comes.
  bool replaced = false;
  const auto replace = [&](Listener& other) {
    return [&, removed = &other] {
      if (replaced) return;
      replaced = true;
      set.set->remove(removed->ticket);
      REQUIRE(set.set->add(three.ends[0], third, third.ticket));
    };
  };
  first.then = replace(second);
  second.then = replace(first);
  set.turn();
  CHECK(first.told + second.told == "w ");
  CHECK(third.told == "w ");
}

TEST_CASE("a socket that is none cannot be waited for") {
  Set set;
  Listener member;
  CHECK_FALSE(set.set->add(-1, member, member.ticket));
  Pair pair;
  CHECK(set.set->add(pair.ends[0], member, member.ticket));
}

TEST_CASE("after it was stopped nobody is told anything") {
  Set set;
  Pair pair;
  Listener member;
  REQUIRE(set.set->add(pair.ends[0], member, member.ticket));
  set.set->stop();
  set.turn();
  CHECK(member.told.empty());
}

}  // namespace
}  // namespace ticketd::serve
