#include "server/translate.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ticketd::server {
namespace {

using Code = net::ErrorReply::Code;
using Result = ticket::Outcome::Result;
using ticket::NotDone;

TEST_CASE("each outcome of applying a request becomes the answer of its kind") {
  const auto done = to_answer(ticket::Outcome{Result::kDone, 5, 3, true});
  REQUIRE(std::holds_alternative<ticket::Done>(done));
  CHECK(std::get<ticket::Done>(done).first == 5);
  CHECK(std::get<ticket::Done>(done).count == 3);
  CHECK(std::get<ticket::Done>(done).replayed);
  const std::vector<std::pair<Result, NotDone::Why>> refusals{
      {Result::kOverflow, NotDone::Why::kOverflow},
      {Result::kBehind, NotDone::Why::kBehind},
      {Result::kKeyReused, NotDone::Why::kKeyReused},
      {Result::kKeysFull, NotDone::Why::kKeysFull}};
  for (const auto& [result, why] : refusals) {
    const auto answer = to_answer(ticket::Outcome{result, 41, 0, true});
    REQUIRE(std::holds_alternative<NotDone>(answer));
    CHECK(std::get<NotDone>(answer).why == why);
    CHECK(std::get<NotDone>(answer).replayed);
    CHECK_FALSE(std::get<NotDone>(answer).message.empty());
  }
  const auto behind = to_answer(ticket::Outcome{Result::kBehind, 41, 0, false});
  CHECK(std::get<NotDone>(behind).message.find("41") != std::string::npos);
}

TEST_CASE("an answer comes through the peer protocol as it was") {
  const ticket::Answer done = to_answer(to_reply(ticket::Answer(ticket::Done{7, 2, true})));
  CHECK(std::get<ticket::Done>(done).first == 7);
  CHECK(std::get<ticket::Done>(done).count == 2);
  CHECK(std::get<ticket::Done>(done).replayed);
  for (int why = 0; why <= static_cast<int>(NotDone::Why::kForbidden); ++why) {
    const NotDone sent{static_cast<NotDone::Why>(why), "so", true};
    const ticket::Answer answer = to_answer(to_reply(ticket::Answer(sent)));
    REQUIRE(std::holds_alternative<NotDone>(answer));
    CHECK(std::get<NotDone>(answer).why == sent.why);
    CHECK(std::get<NotDone>(answer).message == "so");
    CHECK(std::get<NotDone>(answer).replayed);
    const auto query_answer = to_query_answer(to_reply(ticket::QueryAnswer(sent)));
    CHECK(std::get<NotDone>(query_answer).why == sent.why);
  }
  const ticket::Answer unknown = to_answer(to_reply(ticket::Answer(ticket::Unknown{"?"})));
  CHECK(std::get<ticket::Unknown>(unknown).message == "?");
}

TEST_CASE("what was read comes through the peer protocol as it was") {
  const ticket::QueryResult sent{{{"a", 5}, {"b", std::nullopt}}, true, 99};
  const auto received = to_query_answer(to_reply(ticket::QueryAnswer(sent)));
  REQUIRE(std::holds_alternative<ticket::QueryResult>(received));
  CHECK(std::get<ticket::QueryResult>(received).found == sent.found);
  CHECK(std::get<ticket::QueryResult>(received).more);
  CHECK(std::get<ticket::QueryResult>(received).applied_index == 99);
}

TEST_CASE("a member that does not lead did nothing; a reply of another kind proves nothing") {
  net::ErrorReply reply;
  reply.code = Code::kNotLeader;
  CHECK(std::get<NotDone>(to_answer(net::Reply(reply))).why == NotDone::Why::kNoLeader);
  CHECK(std::holds_alternative<ticket::Unknown>(to_answer(net::Reply(net::DoneReply{}))));
  CHECK(std::holds_alternative<NotDone>(to_query_answer(net::Reply(net::DoneReply{}))));
}

}  // namespace
}  // namespace ticketd::server
