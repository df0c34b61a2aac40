// Replies of the Redis protocol, version 2 (RESP2).
#include <algorithm>
#include <charconv>
#include <optional>

#include "load/reply.h"

namespace ticketd::load {
namespace {

constexpr int kDepthMax = 8;

/// One value of any type: of a simple one the text, of an array the number of its elements.
struct Value {
  char type = 0;
  std::string_view text{};
  std::int64_t elements = 0;
};

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// Takes a line without its end from the front of `rest`.
Parsed take_line(std::string_view& rest, std::string_view& line) {
  const std::size_t end = rest.find('\r');
  if (end == std::string_view::npos || end + 1 == rest.size()) {
    return Parsed::kNeedMore;
  }
  if (rest[end + 1] != '\n') {
    return Parsed::kMalformed;
  }
  line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return Parsed::kReply;
}

Parsed take_bulk(std::string_view& rest, std::int64_t length, std::string_view& text) {
  if (length == -1) {
    return Parsed::kReply;
  }
  if (length < 0 || length > static_cast<std::int64_t>(kReplyBytesMax)) {
    return Parsed::kMalformed;
  }
  const auto bytes = static_cast<std::size_t>(length);
  if (rest.size() < bytes + 2) {
    return Parsed::kNeedMore;
  }
  if (rest.substr(bytes, 2) != "\r\n") {
    return Parsed::kMalformed;
  }
  text = rest.substr(0, bytes);
  rest.remove_prefix(bytes + 2);
  return Parsed::kReply;
}

/// Takes a value from the front of `rest`; of an array its head alone.
Parsed take_value(std::string_view& rest, Value& value) {
  if (rest.empty()) {
    return Parsed::kNeedMore;
  }
  value.type = rest.front();
  if (std::string_view("+-:$*").find(value.type) == std::string_view::npos) {
    return Parsed::kMalformed;
  }
  std::string_view line;
  if (const Parsed parsed = take_line(rest, line); parsed != Parsed::kReply) {
    return parsed;
  }
  line.remove_prefix(1);
  if (value.type != '$' && value.type != '*') {
    value.text = line;
    return Parsed::kReply;
  }
  const auto length = number<std::int64_t>(line);
  if (!length) {
    return Parsed::kMalformed;
  }
  if (value.type == '$') {
    return take_bulk(rest, *length, value.text);
  }
  value.elements = *length;
  return Parsed::kReply;
}

Parsed skip_elements(std::string_view& rest, std::int64_t elements, int depth) {
  if (depth > kDepthMax) {
    return Parsed::kMalformed;
  }
  for (; elements > 0; --elements) {
    Value value;
    Parsed parsed = take_value(rest, value);
    if (parsed == Parsed::kReply && value.type == '*') {
      parsed = skip_elements(rest, value.elements, depth + 1);
    }
    if (parsed != Parsed::kReply) {
      return parsed;
    }
  }
  return Parsed::kReply;
}

/// What an error means. Only the first word is for programs.
void judge_error(std::string_view text, Reply& reply) {
  const std::string_view code = text.substr(0, text.find(' '));
  if (code == "MOVED" || code == "ASK") {
    const std::string_view rest = text.substr(std::min(text.size(), code.size() + 1));
    reply.leader = rest.substr(rest.find(' ') + 1);
    reply.outcome = Outcome::kMoved;
  } else if (code == "CLUSTERDOWN") {
    reply.outcome = Outcome::kNoLeader;
  } else {
    reply.outcome = code == "UNKNOWN" ? Outcome::kUnknown : Outcome::kRefused;
  }
}

/// A number, or with COUNT an array of the first and the last.
bool read_tickets(const Work& work, const Value& value, std::string_view elements, Reply& reply) {
  Value first = value, last = value;
  if (work.count != 0) {
    if (value.type != '*' || value.elements != 2 || take_value(elements, first) != Parsed::kReply ||
        take_value(elements, last) != Parsed::kReply) {
      return false;
    }
  }
  const auto low = number<std::uint64_t>(first.text);
  const auto high = number<std::uint64_t>(last.text);
  if (!low || !high || *high < *low || *high - *low != std::max<std::uint64_t>(work.count, 1) - 1) {
    return false;
  }
  reply.first = *low;
  reply.last = *high;
  return true;
}

void judge(const Work& work, const Value& value, std::string_view whole, std::string_view elements,
           Reply& reply) {
  if (value.type == '-') {
    judge_error(value.text, reply);
    return;
  }
  const bool good = work.takes_tickets() ? read_tickets(work, value, elements, reply)
                                         : whole.find(work.expect) != std::string_view::npos;
  reply.outcome = good ? Outcome::kDone : Outcome::kUnexpected;
}

}  // namespace

Parsed parse_redis_reply(const Work& work, std::string_view input, Reply& reply) {
  std::string_view rest = input;
  Value value;
  if (const Parsed parsed = take_value(rest, value); parsed != Parsed::kReply) {
    return parsed;
  }
  const std::string_view elements = rest;
  if (const Parsed parsed = skip_elements(rest, value.elements, 0); parsed != Parsed::kReply) {
    return parsed;
  }
  reply.bytes = input.size() - rest.size();
  reply.text = input.substr(0, reply.bytes);
  judge(work, value, reply.text, elements, reply);
  return Parsed::kReply;
}

}  // namespace ticketd::load
