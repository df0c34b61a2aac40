#include "jepsen/http_answer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "jepsen/protocol.h"

namespace ticketd::jepsen {

namespace {

constexpr std::string_view kLineEnd = "\r\n", kVersion = "HTTP/1.1 ";
constexpr std::size_t kHeadBytesMax = 65'536, kBodyBytesMax = 1 << 24;

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// All of the text as a number.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error no_answer(std::string_view bytes) {
  return Error{"no HTTP answer: " + check_detail::quoted(bytes.substr(0, 80))};
}

/// A header's line, without its end. False when it is none.
bool read_header(std::string_view line, HttpAnswer& answer, std::optional<std::uint64_t>& length) {
  const std::size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return false;
  const std::string name = lower_case(line.substr(0, colon));
  const std::string_view value = line.substr(colon + 2);
  if (name == "content-length") {
    if (length) return false;
    length = number(value);
    return length && *length <= kBodyBytesMax;
  }
  if (name == "transfer-encoding") return false;
  if (name == "location") answer.location = value;
  if (name == "connection") answer.close = lower_case(value) == "close";
  return true;
}

/// A path segment, everything but letters, digits and a few more escaped.
std::string escaped(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      result += c;
    } else {
      result += '%';
      result += kHex[byte >> 4];
      result += kHex[byte & 15];
    }
  }
  return result;
}

Reply malformed(const HttpAnswer& answer) {
  Reply reply;
  reply.malformed = true;
  reply.error = "status " + std::to_string(answer.status) + " with the body " +
                check_detail::quoted(answer.body);
  return reply;
}

bool is_redirect(int status) { return status == 301 || status == 307 || status == 308; }

/// HOST:PORT of a URL; all of it when it is none.
std::string address_of(const std::string& location) {
  constexpr std::string_view kScheme = "http://";
  if (!location.starts_with(kScheme)) return location;
  const std::size_t end = location.find('/', kScheme.size());
  return location.substr(kScheme.size(), end == std::string::npos ? end : end - kScheme.size());
}

std::string request_to(const Question& question, const Address& node) {
  return request_text(question, to_string(node));
}

Result<std::optional<Answer>> read_answer(const Question& question, std::string_view bytes,
                                          std::size_t& length) {
  const auto answer = parse_answer(bytes, length);
  if (!answer.ok()) return answer.error();
  if (!answer->has_value()) return std::optional<Answer>();
  const HttpAnswer& said = **answer;
  Answer result;
  result.close = said.close;
  if (is_redirect(said.status)) {
    result.redirect = address_of(said.location);
  } else {
    result.reply = meaning(question, said);
  }
  return std::optional<Answer>(std::move(result));
}

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::uint64_t>::max() - 1;

/// "42", or with a count "40-42".
Reply taken(const Question& question, const HttpAnswer& answer) {
  const std::string_view body = answer.body;
  const std::size_t dash = body.find('-');
  const bool range = dash != std::string_view::npos;
  const auto first = number(body.substr(0, dash));
  const auto last = range ? number(body.substr(dash + 1)) : first;
  if (!first || !last || *last < *first || *last > kNumberMax || (question.count != 1) != range) {
    return malformed(answer);
  }
  Reply reply;
  reply.type = EventType::kOk;
  reply.begin = *first;
  reply.end = *last + 1;
  return reply;
}

/// "41", or "-1" for none.
Reply read(const HttpAnswer& answer) {
  Reply reply;
  reply.type = EventType::kOk;
  if (answer.body == "-1") return reply;
  const auto last = number(answer.body);
  if (!last || *last > kNumberMax) return malformed(answer);
  reply.end = *last + 1;
  return reply;
}

}  // namespace

// Requests of one connection do not wait for each other.
const Protocol kHttp = {request_to, read_answer, false};

Result<std::optional<HttpAnswer>> parse_answer(std::string_view bytes, std::size_t& length) {
  using Parsed = std::optional<HttpAnswer>;
  const std::size_t head_end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with(kVersion.substr(0, std::min(bytes.size(), kVersion.size()))) ||
      (head_end == std::string_view::npos && bytes.size() > kHeadBytesMax)) {
    return no_answer(bytes);
  }
  if (head_end == std::string_view::npos) return Parsed();
  std::string_view head = bytes.substr(0, head_end);
  const std::size_t line_end = head.find(kLineEnd);
  const auto status = number(head.substr(kVersion.size(), 3));
  if (!status || *status < 200 || *status > 599) return no_answer(bytes);
  HttpAnswer answer;
  answer.status = static_cast<int>(*status);
  std::optional<std::uint64_t> body_bytes;
  head.remove_prefix(std::min(head.size(), line_end));
  while (!head.empty()) {
    head.remove_prefix(kLineEnd.size());
    const std::size_t end = std::min(head.size(), head.find(kLineEnd));
    if (!read_header(head.substr(0, end), answer, body_bytes)) return no_answer(bytes);
    head.remove_prefix(end);
  }
  if (!body_bytes) return no_answer(bytes);
  const std::size_t body_begin = head_end + 2 * kLineEnd.size();
  if (bytes.size() - body_begin < *body_bytes) return Parsed();
  answer.body = bytes.substr(body_begin, *body_bytes);
  length = body_begin + *body_bytes;
  return Parsed(std::move(answer));
}

std::string request_text(const Question& question, std::string_view host) {
  const bool take = question.function == Function::kTake;
  ENSURE(take || !question.sequence.empty());
  std::string text = take ? "POST /" : "GET /";
  if (!question.sequence.empty()) text += "seq/" + escaped(question.sequence);
  if (take && question.count != 1) text += "?count=" + std::to_string(question.count);
  text += " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n";
  if (take) text += "Content-Length: 0\r\n";
  if (!question.key.empty()) text += "Idempotency-Key: " + question.key + "\r\n";
  return text + "\r\n";
}

Reply meaning(const Question& question, const HttpAnswer& answer) {
  constexpr std::array kDefinite = {400, 403, 404, 405, 408, 409, 413, 415,
                                    417, 422, 431, 501, 503, 505, 507};
  if (answer.status == 200) {
    return question.function == Function::kTake ? taken(question, answer) : read(answer);
  }
  const bool definite = std::ranges::find(kDefinite, answer.status) != kDefinite.end();
  if (!definite && answer.status != 504) return malformed(answer);
  Reply reply;
  reply.type = definite ? EventType::kFail : EventType::kInfo;
  reply.error = std::to_string(answer.status);
  if (!answer.body.empty()) reply.error += " " + answer.body;
  return reply;
}

}  // namespace ticketd::jepsen
