#include "net/client.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "net/clock.h"
#include "net/exchange.h"

namespace ticketd::net {

namespace {

/// Between two rounds of asking while nobody leads.
constexpr std::chrono::milliseconds kPause{50};
/// A member that does not even greet in this part of the time-out is passed over for the next one.
constexpr int kGreetingPart = 4;
/// What may be asked again is, when there is no answer in this part of the time that is left: who
/// was asked may be cut off from the others.
constexpr int kAnswerPart = 2;

/// Asking twice does no more than asking once: reads, a join, which carries its token, and a change
/// that carries an idempotency key.
bool may_be_repeated(const Call& call) {
  if (const auto* change = std::get_if<ChangeCall>(&call)) {
    return !change->key.empty();
  }
  return std::holds_alternative<StatusCall>(call) || std::holds_alternative<MembersCall>(call) ||
         std::holds_alternative<JoinCall>(call) || std::holds_alternative<QueryCall>(call);
}

/// The state machine's own word on a change. With an idempotency key it counts for every time that
/// the change was asked for; any other refusal does for its own time alone.
bool is_verdict(const Reply& reply) {
  const auto* error = std::get_if<ErrorReply>(&reply);
  return error == nullptr || error->code == ErrorReply::Code::kOverflow ||
         error->code == ErrorReply::Code::kBehind || error->code == ErrorReply::Code::kKeyReused;
}

bool certainly_not_done_yet(const ErrorReply& error) {
  return error.code == ErrorReply::Code::kNotLeader || error.code == ErrorReply::Code::kNoLeader ||
         error.code == ErrorReply::Code::kBusy;
}

/// Whom to ask next, and what was learned so far.
class Search {
 public:
  Search(const std::vector<std::string>& addresses, std::optional<std::uint64_t> cluster_id,
         std::chrono::milliseconds timeout)
      : addresses_(addresses),
        cluster_id_(cluster_id),
        timeout_(timeout),
        deadline_(Clock::now() + timeout) {}

  Result<Reply> run(const Call& call) {
    while (Clock::now() < deadline_) {
      const std::string address = hint_.value_or(addresses_[next_]);
      const bool hinted = hint_.has_value();
      hint_.reset();
      const Clock::time_point now = Clock::now();
      const Clock::time_point greet_by = std::min(now + timeout_ / kGreetingPart, deadline_);
      const Clock::time_point answer_by =
          may_be_repeated(call) ? std::max(now + (deadline_ - now) / kAnswerPart, greet_by)
                                : deadline_;
      Outcome outcome = ask(address, call, cluster_id_, greet_by, answer_by);
      if (std::optional<Result<Reply>> answer = judge(call, std::move(outcome))) {
        return std::move(*answer);
      }
      if (!hint_ || hinted) {
        advance(hinted);
      }
    }
    const std::string message = "no leader answered within " + std::to_string(timeout_.count()) +
                                " ms" + (last_.empty() ? "" : "; last: " + last_);
    if (may_be_done_ && std::holds_alternative<ChangeCall>(call)) {
      return unknown_outcome(message);
    }
    return Error{message};
  }

 private:
  /// None: go on asking.
  std::optional<Result<Reply>> judge(const Call& call, Outcome outcome) {
    may_be_done_ = may_be_done_ || outcome.may_be_done;
    if (!outcome.reply) {
      if (outcome.may_be_done && !may_be_repeated(call)) {
        return std::holds_alternative<ChangeCall>(call)
                   ? unknown_outcome(outcome.reply.error().message)
                   : outcome.reply;
      }
      last_ = outcome.reply.error().message;
      return std::nullopt;
    }
    const auto* error = std::get_if<ErrorReply>(&*outcome.reply);
    const bool unknown = error != nullptr && error->code == ErrorReply::Code::kUnknown;
    const bool again =
        error != nullptr && (certainly_not_done_yet(*error) || (unknown && may_be_repeated(call)));
    may_be_done_ = may_be_done_ || unknown;
    if (!again) {
      return may_be_done_ ? in_view_of_earlier(call, std::move(*outcome.reply)) : outcome.reply;
    }
    last_ = error->message;
    if (error->code == ErrorReply::Code::kNotLeader && !error->leader_peer_address.empty()) {
      hint_ = error->leader_peer_address;
    }
    return std::nullopt;
  }

  static Reply unknown_outcome(const std::string& message) {
    return ErrorReply{ErrorReply::Code::kUnknown, message, "", false};
  }

  /// A refusal of the last attempt says nothing about those before it.
  static Reply in_view_of_earlier(const Call& call, Reply reply) {
    if (!std::holds_alternative<ChangeCall>(call) || is_verdict(reply)) {
      return reply;
    }
    return unknown_outcome(std::get<ErrorReply>(reply).message);
  }

  /// After a whole round, and wherever one member names another that does not lead either, the
  /// cluster needs a moment.
  void advance(bool hinted) {
    next_ = (next_ + 1) % addresses_.size();
    if (next_ == 0 || hinted) {
      std::this_thread::sleep_for(std::min<Clock::duration>(
          kPause, std::max<Clock::duration>(deadline_ - Clock::now(), Clock::duration(0))));
    }
  }

  const std::vector<std::string>& addresses_;
  const std::optional<std::uint64_t> cluster_id_;
  const std::chrono::milliseconds timeout_;
  const Clock::time_point deadline_;
  std::size_t next_ = 0;
  std::optional<std::string> hint_;
  std::string last_;
  /// Of an attempt so far it is not known that it was not carried out.
  bool may_be_done_ = false;
};

}  // namespace

Client::Client(std::chrono::milliseconds timeout) : timeout_(timeout) {}

Result<Reply> Client::call(const std::string& address, const Call& call) {
  if (Status status = check(call); !status) {
    return status.error();
  }
  const Clock::time_point deadline = Clock::now() + timeout_;
  return ask(address, call, cluster_id_, deadline, deadline).reply;
}

Result<Reply> Client::call_leader(const std::vector<std::string>& addresses, const Call& call) {
  if (Status status = check(call); !status) {
    return status.error();
  }
  if (addresses.empty()) {
    return Error{"no address of a member was given"};
  }
  return Search(addresses, cluster_id_, timeout_).run(call);
}

}  // namespace ticketd::net
