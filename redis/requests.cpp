#include "redis/requests.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "base/check.h"

namespace ticketd::redis {

namespace {

/// Of each reply: two numbers of 64 bits in an array of bulk strings.
constexpr std::size_t kReplyBytes = 64;
/// Of a cluster of many members with long names.
constexpr std::size_t kClusterBytes = 16 * 1024;

Error refusal(std::string why) { return Error{"ERR " + std::move(why)}; }
Error syntax_error() { return refusal("syntax error"); }

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

Result<std::string> sequence_of(std::string_view argument) {
  if (auto judged = ticket::judge_name(argument); !judged) {
    return refusal(judged.error().message);
  }
  return std::string(argument);
}

/// TICKET, TICKET KEY [COUNT n] [IDEMPOTENT token], the options in any order.
Result<Asked> take(Arguments arguments) {
  Asked asked;
  auto& request = asked.what.emplace<ticket::Request>();
  if (arguments.size() == 1) {
    return asked;
  }
  auto sequence = sequence_of(arguments[1]);
  if (!sequence) return sequence.error();
  request.sequence = std::move(*sequence);
  asked.shape = Shape::kNumber;
  for (Arguments options = arguments.subspan(2); !options.empty(); options = options.subspan(2)) {
    const bool counts = equals_ignoring_case(options[0], "COUNT");
    const bool once = equals_ignoring_case(options[0], "IDEMPOTENT");
    const bool repeated = counts ? asked.shape == Shape::kRange : !request.key.empty();
    if (options.size() < 2 || (!counts && !once) || repeated) return syntax_error();
    if (once) {
      if (!ticket::is_key(options[1])) {
        return refusal("the token of IDEMPOTENT must be 1 to " +
                       std::to_string(ticket::kMaxKeyBytes) + " visible ASCII characters");
      }
      request.key = options[1];
      continue;
    }
    const auto count = number(options[1]);
    if (!count || *count < 1 || *count > ticket::kMaxCount) {
      return refusal("COUNT must be a whole number from 1 to " + std::to_string(ticket::kMaxCount));
    }
    request.value = *count;
    asked.shape = Shape::kRange;
  }
  return asked;
}

Result<Asked> get(Arguments arguments) {
  auto sequence = sequence_of(arguments[1]);
  if (!sequence) return sequence.error();
  return Asked{ticket::Query(ticket::Lookup{{std::move(*sequence)}}), Shape::kLast};
}

/// ID [ADDRESS [PREVINDEX]], as far as they are given.
template <class Change>
Result<Asked> change(Arguments arguments) {
  Change change;
  const auto node = number(arguments[1]);
  if (!node) return refusal("the id must be a whole number from 0 to 18446744073709551615");
  change.node = *node;
  if (arguments.size() > 2) {
    const auto address = parse_address(arguments[2]);
    if (!address) return refusal(address.error().message);
    change.address = to_string(*address);
  }
  if (arguments.size() > 3) {
    const auto index = number(arguments[3]);
    if (!index) return refusal("prevIndex must be a whole number, 0 for any");
    change.previous_index = *index;
  }
  return Asked{std::move(change)};
}

}  // namespace

Result<Asked> understand(Verb verb, Arguments arguments) {
  switch (verb) {
    case Verb::kTicket:
      return take(arguments);
    case Verb::kTicketGet:
      return get(arguments);
    case Verb::kRaftAddVoter:
      return change<AddVoter>(arguments);
    case Verb::kRaftRemoveServer:
      return change<RemoveServer>(arguments);
    default:
      UNREACHABLE("a command that asks for nothing");
  }
}

std::size_t bytes_at_most(const Asked& asked) {
  if (const auto* request = std::get_if<ticket::Request>(&asked.what)) {
    return request->times * kReplyBytes + request->sequence.size() + request->key.size();
  }
  const bool cluster = std::holds_alternative<ClusterView>(asked.what);
  return cluster ? kClusterBytes : kReplyBytes + ticket::kMaxNameBytes;
}

}  // namespace ticketd::redis
