#include "server/translate.h"

#include <algorithm>
#include <string>

#include "base/check.h"

namespace ticketd::server {

using ticket::NotDone;
using Code = net::ErrorReply::Code;

namespace {

Code to_code(NotDone::Why why) {
  switch (why) {
    case NotDone::Why::kNoLeader:
      return Code::kNoLeader;
    case NotDone::Why::kBusy:
      return Code::kBusy;
    case NotDone::Why::kNoSpace:
      return Code::kNoSpace;
    case NotDone::Why::kOverflow:
      return Code::kOverflow;
    case NotDone::Why::kBehind:
      return Code::kBehind;
    case NotDone::Why::kKeyReused:
      return Code::kKeyReused;
    case NotDone::Why::kKeysFull:
      return Code::kKeysFull;
    case NotDone::Why::kForbidden:
      return Code::kForbidden;
  }
  UNREACHABLE("all reasons are named");
}

/// None: it may have been done.
std::optional<NotDone::Why> to_why(Code code) {
  switch (code) {
    case Code::kNotLeader:
    case Code::kNoLeader:
      return NotDone::Why::kNoLeader;
    case Code::kRefused:
    case Code::kBusy:
      return NotDone::Why::kBusy;
    case Code::kNoSpace:
      return NotDone::Why::kNoSpace;
    case Code::kOverflow:
      return NotDone::Why::kOverflow;
    case Code::kBehind:
      return NotDone::Why::kBehind;
    case Code::kKeyReused:
      return NotDone::Why::kKeyReused;
    case Code::kKeysFull:
      return NotDone::Why::kKeysFull;
    case Code::kForbidden:
      return NotDone::Why::kForbidden;
    case Code::kUnknown:
      return std::nullopt;
  }
  UNREACHABLE("the codec lets no other code in");
}

net::ErrorReply to_error(const NotDone& not_done) {
  net::ErrorReply reply;
  reply.code = to_code(not_done.why);
  reply.message = not_done.message;
  reply.replayed = not_done.replayed;
  return reply;
}

}  // namespace

ticket::Answer to_answer(const ticket::Outcome& outcome) {
  using Result = ticket::Outcome::Result;
  const auto refused = [&](NotDone::Why why, std::string message) {
    return NotDone{why, std::move(message), outcome.replayed};
  };
  switch (outcome.result) {
    case Result::kDone:
      return ticket::Done{outcome.first, outcome.count, outcome.replayed};
    case Result::kOverflow:
      return refused(NotDone::Why::kOverflow, std::string(ticket::kUsedUp));
    case Result::kBehind:
      // Of a sequence whose first numbers a power cut may have cost nobody knows the last one given.
      return refused(NotDone::Why::kBehind, "the sequence stands at " +
                                                std::to_string(outcome.first) +
                                                ", and never goes back");
    case Result::kKeyReused:
      return refused(NotDone::Why::kKeyReused,
                     "this idempotency key came before with another request; nothing was done");
    case Result::kKeysFull:
      return refused(NotDone::Why::kKeysFull,
                     "no more idempotency keys can be remembered until the oldest reach their "
                     "age; nothing was done, ask again later or raise --idempotency_keys");
  }
  UNREACHABLE("all results are named");
}

ticket::Answer to_answer(std::span<const ticket::Outcome> run) {
  ENSURE(!run.empty());
  ticket::Answer answer = to_answer(run.front());
  if (auto* done = std::get_if<ticket::Done>(&answer)) {
    const auto end = std::find_if(run.begin(), run.end(), [](const ticket::Outcome& outcome) {
      return outcome.result != ticket::Outcome::Result::kDone;
    });
    done->times = static_cast<std::uint32_t>(end - run.begin());
  }
  return answer;
}

net::Reply to_reply(const ticket::Answer& answer) {
  if (const auto* done = std::get_if<ticket::Done>(&answer)) {
    return net::ChangeReply{done->first, done->count, done->replayed};
  }
  if (const auto* unknown = std::get_if<ticket::Unknown>(&answer)) {
    net::ErrorReply reply;
    reply.code = Code::kUnknown;
    reply.message = unknown->message;
    return reply;
  }
  return to_error(std::get<NotDone>(answer));
}

net::Reply to_reply(const ticket::QueryAnswer& answer) {
  if (const auto* result = std::get_if<ticket::QueryResult>(&answer)) {
    return net::QueryReply{raft::Index(result->applied_index), result->found, result->more};
  }
  return to_error(std::get<NotDone>(answer));
}

ticket::Answer to_answer(const net::Reply& reply) {
  if (const auto* done = std::get_if<net::ChangeReply>(&reply)) {
    return ticket::Done{done->first, done->count, done->replayed};
  }
  const auto* error = std::get_if<net::ErrorReply>(&reply);
  if (error == nullptr) return ticket::Unknown{"the leader gave an answer of another kind"};
  if (const auto why = to_why(error->code)) return NotDone{*why, error->message, error->replayed};
  return ticket::Unknown{error->message};
}

ticket::QueryAnswer to_query_answer(const net::Reply& reply) {
  if (const auto* result = std::get_if<net::QueryReply>(&reply)) {
    return ticket::QueryResult{result->found, result->more, result->applied_index.value};
  }
  const auto* error = std::get_if<net::ErrorReply>(&reply);
  if (error == nullptr) {
    return NotDone{NotDone::Why::kBusy, "the leader gave an answer of another kind"};
  }
  return NotDone{to_why(error->code).value_or(NotDone::Why::kBusy), error->message};
}

}  // namespace ticketd::server
