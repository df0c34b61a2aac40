#include "jepsen/redis_answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

constexpr std::size_t kLineBytesMax = 65'536, kBulkBytesMax = 1 << 20, kElementsMax = 16;
constexpr std::uint64_t kSignedMax = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kNumberMax = std::numeric_limits<std::uint64_t>::max() - 1;

/// All of the text as a number, written as numbers are.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return value;
}

Error no_reply(std::string_view bytes) {
  return Error{"no Redis reply: " + check_detail::quoted(bytes.substr(0, 80))};
}

using Parsed = Result<std::optional<RedisReply>>;

/// The text behind a bulk string's length, at `length`.
Parsed parse_bulk(std::string_view bytes, std::size_t& length, RedisReply reply) {
  const auto size = number(reply.text);
  if (!size || *size > kBulkBytesMax) return no_reply(bytes);
  const std::size_t end = length + static_cast<std::size_t>(*size);
  if (bytes.size() < end + 2) return std::optional<RedisReply>();
  if (bytes.substr(end, 2) != "\r\n") return no_reply(bytes);
  reply.text = bytes.substr(length, end - length);
  length = end + 2;
  return std::optional<RedisReply>(std::move(reply));
}

/// Anything but an array.
Parsed parse_plain(std::string_view bytes, std::size_t& length) {
  const std::size_t end = bytes.find("\r\n");
  if (bytes.empty()) return std::optional<RedisReply>();
  if (std::string_view("+-:$").find(bytes.front()) == std::string_view::npos ||
      (end == std::string_view::npos && bytes.size() > kLineBytesMax)) {
    return no_reply(bytes);
  }
  if (end == std::string_view::npos) return std::optional<RedisReply>();
  RedisReply reply;
  reply.type = bytes.front();
  reply.text = bytes.substr(1, end - 1);
  length = end + 2;
  if (reply.type == '$') return parse_bulk(bytes, length, std::move(reply));
  return std::optional<RedisReply>(std::move(reply));
}

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

/// A simple string for the unnamed sequence, an integer for others; what is too large for an
/// integer is a bulk string.
std::optional<std::uint64_t> number_given(const RedisReply& reply, bool named) {
  const auto value = number(reply.text);
  if (!value || *value > kNumberMax) return std::nullopt;
  const char due = !named ? '+' : *value > kSignedMax ? '$' : ':';
  return reply.type == due ? value : std::nullopt;
}

Reply malformed(const RedisReply& said) {
  Reply reply;
  reply.malformed = true;
  reply.error = "the reply " + check_detail::quoted(std::string(1, said.type) + said.text);
  for (const RedisReply& element : said.elements) {
    reply.error += " " + check_detail::quoted(std::string(1, element.type) + element.text);
  }
  return reply;
}

Reply taken(const Question& question, const RedisReply& said) {
  const bool named = !question.sequence.empty(), range = question.count != 1;
  if (range && (said.type != '*' || said.elements.size() != 2)) return malformed(said);
  const auto first = number_given(range ? said.elements.front() : said, named);
  const auto last = range ? number_given(said.elements.back(), named) : first;
  if (!first || !last || *last < *first) return malformed(said);
  Reply reply;
  reply.type = EventType::kOk;
  reply.begin = *first;
  reply.end = *last + 1;
  return reply;
}

Reply read(const RedisReply& said) {
  Reply reply;
  reply.type = EventType::kOk;
  if (said.type == ':' && said.text == "-1") return reply;
  const auto last = number_given(said, true);
  if (!last) return malformed(said);
  reply.end = *last + 1;
  return reply;
}

/// "MOVED SLOT HOST:PORT": the last word; none when it is something else.
std::optional<std::string> moved_to(std::string_view error) {
  constexpr std::string_view kWord = "MOVED ";
  constexpr std::uint64_t kSlots = 16'384;
  if (!error.starts_with(kWord)) return std::nullopt;
  error.remove_prefix(kWord.size());
  const std::size_t space = error.find(' ');
  const auto slot = number(error.substr(0, space));
  if (!slot || *slot >= kSlots || space == std::string_view::npos) return std::nullopt;
  return std::string(error.substr(space + 1));
}

Answer refusal(const RedisReply& said) {
  constexpr std::array<std::string_view, 4> kDefinite = {"CLUSTERDOWN ", "TRYAGAIN ", "NOSPACE ",
                                                         "ERR max number of clients reached"};
  Answer answer;
  answer.redirect = moved_to(said.text);
  if (answer.redirect) return answer;
  const bool definite = std::ranges::any_of(
      kDefinite, [&](std::string_view begin) { return said.text.starts_with(begin); });
  if (!definite && !said.text.starts_with("UNKNOWN ")) {
    answer.reply = malformed(said);
  } else {
    answer.reply.type = definite ? EventType::kFail : EventType::kInfo;
    answer.reply.error = said.text;
  }
  return answer;
}

std::string request_to(const Question& question, const Address&) { return redis_request(question); }

Result<std::optional<Answer>> read_answer(const Question& question, std::string_view bytes,
                                          std::size_t& length) {
  const auto reply = parse_reply(bytes, length);
  if (!reply.ok()) return reply.error();
  if (!reply->has_value()) return std::optional<Answer>();
  return std::optional<Answer>(meaning(question, **reply));
}

}  // namespace

const Protocol kRedis = {request_to, read_answer, true};

Result<std::optional<RedisReply>> parse_reply(std::string_view bytes, std::size_t& length) {
  if (!bytes.starts_with('*')) return parse_plain(bytes, length);
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() > kLineBytesMax) return no_reply(bytes);
    return std::optional<RedisReply>();
  }
  const auto size = number(bytes.substr(1, end - 1));
  if (!size || *size > kElementsMax) return no_reply(bytes);
  RedisReply array;
  array.type = '*';
  std::size_t whole = end + 2;
  for (std::uint64_t left = *size; left > 0; --left) {
    std::size_t element_length = 0;
    auto element = parse_plain(bytes.substr(whole), element_length);
    if (!element.ok() || !element->has_value()) return element;
    array.elements.push_back(std::move(**element));
    whole += element_length;
  }
  length = whole;
  return std::optional<RedisReply>(std::move(array));
}

std::string redis_request(const Question& question) {
  std::vector<std::string> words = {question.function == Function::kTake ? "TICKET" : "TICKET.GET"};
  ENSURE(!question.sequence.empty() ||
         (words.front() == "TICKET" && question.count == 1 && question.key.empty()));
  if (!question.sequence.empty()) words.push_back(question.sequence);
  if (question.count != 1) words.insert(words.end(), {"COUNT", std::to_string(question.count)});
  if (!question.key.empty()) words.insert(words.end(), {"IDEMPOTENT", question.key});
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) text += bulk(word);
  return text;
}

Answer meaning(const Question& question, const RedisReply& reply) {
  if (reply.type == '-') return refusal(reply);
  Answer answer;
  answer.reply = question.function == Function::kTake ? taken(question, reply) : read(reply);
  return answer;
}

}  // namespace ticketd::jepsen
