#include "server/in_flight.h"

#include <doctest/doctest.h>

#include <string>

namespace ticketd::server {
namespace {

using raft::Index;
using raft::Proposed;
using raft::Term;
using raft::Time;

/// Writes one letter an answer: t(aken), n(ot done), u(nknown).
struct Journal {
  std::string letters;
  Waiter waiter(std::uint64_t deadline) {
    return {[this](const ticket::Answer& answer) { letters += "tnu"[answer.index()]; },
            Time(deadline)};
  }
  FateDone fate() {
    return [this](Fate fate) { letters += "tnu"[static_cast<int>(fate)]; };
  }
};

ticket::Outcome number(std::uint64_t first) { return {.first = first, .count = 1}; }

TEST_CASE("the entry of its own term answers a proposal, another one refutes it") {
  Journal journal;
  InFlight in_flight;
  in_flight.add(Proposed{Index(5), Term(2)}, {journal.waiter(10)});
  in_flight.add(Proposed{Index(6), Term(2)}, {journal.waiter(10)});
  in_flight.applied(Index(4), Term(2), {});
  CHECK(journal.letters == "");
  in_flight.applied(Index(5), Term(2), {number(1)});
  CHECK(journal.letters == "t");
  in_flight.applied(Index(6), Term(3), {number(2)});
  CHECK(journal.letters == "tn");
  CHECK(in_flight.empty());
}

TEST_CASE("of two proposals at one index the applied term decides, whichever it is") {
  for (const bool newer : {false, true}) {
    Journal older, younger;
    InFlight in_flight;
    in_flight.add(Proposed{Index(12), Term(2)}, {older.waiter(10)});
    in_flight.add(Proposed{Index(13), Term(2)}, {older.waiter(10)});
    in_flight.add(Proposed{Index(12), Term(4)}, {younger.waiter(10)});
    in_flight.applied(Index(12), Term(newer ? 4 : 2), {number(1)});
    CHECK(older.letters == (newer ? "n" : "t"));
    CHECK(younger.letters == (newer ? "t" : "n"));
    CHECK(in_flight.waiting() == 1);
  }
}

TEST_CASE("what a snapshot skipped is unknown") {
  Journal journal;
  InFlight in_flight;
  in_flight.add(Proposed{Index(5), Term(2)}, {journal.waiter(10), journal.waiter(10)});
  in_flight.add(Proposed{Index(7), Term(2)}, Time(10), journal.fate());
  in_flight.skipped_to(Index(6));
  CHECK(journal.letters == "uu");
  CHECK(in_flight.waiting() == 1);
}

TEST_CASE("each request is answered once, at its own deadline or when applied") {
  Journal journal;
  InFlight in_flight;
  in_flight.add(Proposed{Index(5), Term(2)}, {journal.waiter(10), journal.waiter(20)});
  in_flight.add(Proposed{Index(6), Term(2)}, Time(15), journal.fate());
  CHECK(in_flight.next_expiry() == Time(10));
  in_flight.expire(Time(9));
  CHECK(journal.letters == "");
  in_flight.expire(Time(10));
  CHECK(journal.letters == "u");
  CHECK(in_flight.next_expiry() == Time(15));
  in_flight.expire(Time(15));
  CHECK(journal.letters == "uu");
  in_flight.applied(Index(5), Term(2), {number(1), number(2)});
  CHECK(journal.letters == "uut");
  CHECK(in_flight.waiting() == 0);
  in_flight.applied(Index(6), Term(2), {});
  CHECK(journal.letters == "uut");
}

TEST_CASE("of one entry's requests those run out first that have less time") {
  Journal journal;
  InFlight in_flight;
  in_flight.add(Proposed{Index(5), Term(2)}, {journal.waiter(50), journal.waiter(10)});
  CHECK(in_flight.next_expiry() == Time(10));
  in_flight.expire(Time(10));
  CHECK(journal.letters == "u");
  CHECK(in_flight.next_expiry() == Time(50));
  in_flight.applied(Index(5), Term(2), {number(1), number(2)});
  CHECK(journal.letters == "ut");
  CHECK(in_flight.waiting() == 0);
}

TEST_CASE("there is room again when a proposal is settled as a whole") {
  Journal journal;
  InFlight in_flight;
  in_flight.add(Proposed{Index(5), Term(2)}, {journal.waiter(10), journal.waiter(20)});
  in_flight.add(Proposed{Index(6), Term(2)}, Time(15), journal.fate());
  CHECK(in_flight.room() == InFlight::kMaxHeld - 3);
  in_flight.expire(Time(15));
  CHECK(in_flight.waiting() == 1);
  CHECK(in_flight.room() == InFlight::kMaxHeld - 2);
  in_flight.applied(Index(5), Term(2), {number(1), number(2)});
  CHECK(in_flight.room() == InFlight::kMaxHeld);
}

TEST_CASE("a run is answered at once, by the outcomes that are its") {
  InFlight in_flight;
  std::vector<ticket::Answer> answers;
  const auto waiter = [&](std::uint32_t times) {
    return Waiter{[&](const ticket::Answer& answer) { answers.push_back(answer); }, Time(10), times};
  };
  in_flight.add(Proposed{Index(5), Term(2)}, {waiter(2), waiter(1), waiter(3), waiter(2)});
  CHECK(in_flight.waiting() == 8);
  CHECK(in_flight.room() == InFlight::kMaxHeld - 8);
  const ticket::Outcome used_up{.result = ticket::Outcome::Result::kOverflow};
  in_flight.applied(Index(5), Term(2),
                    {number(1), number(2), number(3), number(4), used_up, used_up, used_up, used_up});
  REQUIRE(answers.size() == 4);
  CHECK(std::get<ticket::Done>(answers[0]).first == 1);
  CHECK(std::get<ticket::Done>(answers[0]).times == 2);
  CHECK(std::get<ticket::Done>(answers[1]).first == 3);
  CHECK(std::get<ticket::Done>(answers[2]).first == 4);
  CHECK(std::get<ticket::Done>(answers[2]).times == 1);
  CHECK(std::holds_alternative<ticket::NotDone>(answers[3]));
  CHECK(in_flight.waiting() == 0);
  CHECK(in_flight.room() == InFlight::kMaxHeld);
}

TEST_CASE("abandoning answers everything") {
  Journal journal;
  InFlight in_flight;
  in_flight.add(Proposed{Index(5), Term(2)}, {journal.waiter(10)});
  in_flight.add(Proposed{Index(6), Term(2)}, Time(15), journal.fate());
  in_flight.abandon();
  CHECK(journal.letters == "uu");
  CHECK(in_flight.empty());
}

}  // namespace
}  // namespace ticketd::server
