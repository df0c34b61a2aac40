// Answers of HTTP/1.1.
#include <algorithm>
#include <charconv>
#include <optional>

#include "load/reply.h"

namespace ticketd::load {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kVersion = "HTTP/1.1 ";
constexpr std::string_view kScheme = "http://";

struct Head {
  unsigned status = 0;
  std::string_view reason{};
  std::size_t body_bytes = 0;
  bool has_length = false;
  bool chunked = false;
  bool close = false;
  std::string_view location{};
};

std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (fault != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// `wanted` in lower case.
bool is(std::string_view text, std::string_view wanted) {
  return text.size() == wanted.size() &&
         std::equal(text.begin(), text.end(), wanted.begin(), [](char given, char lower) {
           return (given >= 'A' && given <= 'Z' ? given - 'A' + 'a' : given) == lower;
         });
}

bool read_header(std::string_view line, Head& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return false;
  }
  const std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.size(), value.find_first_not_of(' ')));
  if (is(name, "content-length")) {
    const auto length = number(value);
    head.has_length = length.has_value() && *length <= kReplyBytesMax;
    head.body_bytes = static_cast<std::size_t>(length.value_or(0));
    return head.has_length;
  }
  if (is(name, "transfer-encoding")) {
    head.chunked = is(value, "chunked");
    return head.chunked;
  }
  if (is(name, "location")) {
    head.location = value;
  } else if (is(name, "connection")) {
    head.close = is(value, "close");
  }
  return true;
}

/// Status line and headers, each with the end of its line.
bool read_head(std::string_view text, Head& head) {
  if (!text.starts_with(kVersion) || text.size() < kVersion.size() + 4) {
    return false;
  }
  const auto status = number(text.substr(kVersion.size(), 3));
  if (!status || *status < 200) {
    return false;
  }
  head.status = static_cast<unsigned>(*status);
  std::size_t end = text.find(kLineEnd);
  head.reason = text.substr(kVersion.size(), end - kVersion.size());
  text.remove_prefix(end + kLineEnd.size());
  while (!text.empty()) {
    end = text.find(kLineEnd);
    if (!read_header(text.substr(0, end), head)) {
      return false;
    }
    text.remove_prefix(end + kLineEnd.size());
  }
  return head.has_length || head.chunked || head.status == 204 || head.status == 304;
}

/// Measures a body in chunks, and the empty line behind them. What the chunks hold is not put
/// together: `expect` is looked for in the bytes as they came.
Parsed measure_chunks(std::string_view rest, std::size_t& bytes) {
  const std::size_t all = rest.size();
  while (true) {
    const std::size_t end = rest.find(kLineEnd);
    if (end == std::string_view::npos) {
      return Parsed::kNeedMore;
    }
    const std::string_view line = rest.substr(0, end);
    const auto size = number(line.substr(0, line.find(';')), 16);
    if (!size || *size > kReplyBytesMax) {
      return Parsed::kMalformed;
    }
    const std::size_t step = end + kLineEnd.size() + static_cast<std::size_t>(*size);
    if (rest.size() < step + kLineEnd.size()) {
      return Parsed::kNeedMore;
    }
    if (rest.substr(step, kLineEnd.size()) != kLineEnd) {
      return Parsed::kMalformed;
    }
    rest.remove_prefix(step + kLineEnd.size());
    if (*size == 0) {
      bytes = all - rest.size();
      return Parsed::kReply;
    }
  }
}

/// "42", or with a count "40-42".
bool read_tickets(const Work& work, std::string_view body, Reply& reply) {
  const std::size_t dash = body.find('-');
  const bool is_range = dash != std::string_view::npos;
  const auto first = number(body.substr(0, dash));
  const auto last = is_range ? number(body.substr(dash + 1)) : first;
  if (is_range != (work.count != 0) || !first || !last || *last < *first ||
      *last - *first != std::max<std::uint64_t>(work.count, 1) - 1) {
    return false;
  }
  reply.first = *first;
  reply.last = *last;
  return true;
}

/// HOST:PORT of a Location; empty when it has none.
std::string_view host_of(std::string_view location) {
  if (!location.starts_with(kScheme)) {
    return {};
  }
  location.remove_prefix(kScheme.size());
  return location.substr(0, location.find('/'));
}

Outcome judge_failure(const Head& head) {
  switch (head.status) {
    case 503:
      return is(head.reason, "503 leader unavailable") ? Outcome::kNoLeader : Outcome::kRefused;
    case 504:
      return Outcome::kUnknown;
    default:
      return head.status >= 400 ? Outcome::kRefused : Outcome::kUnexpected;
  }
}

void judge(const Work& work, const Head& head, std::string_view body, Reply& reply) {
  const bool redirects =
      head.status == 301 || head.status == 302 || head.status == 307 || head.status == 308;
  if (redirects && !host_of(head.location).empty()) {
    reply.leader = host_of(head.location);
    reply.outcome = Outcome::kMoved;
  } else if (head.status < 200 || head.status > 299) {
    reply.outcome = judge_failure(head);
  } else {
    const bool good = work.takes_tickets() ? read_tickets(work, body, reply)
                                           : body.find(work.expect) != std::string_view::npos;
    reply.outcome = good ? Outcome::kDone : Outcome::kUnexpected;
  }
}

}  // namespace

Parsed parse_http_reply(const Work& work, std::string_view input, Reply& reply) {
  const std::size_t blank = input.find("\r\n\r\n");
  if (blank == std::string_view::npos) {
    const std::size_t known = std::min(input.size(), kVersion.size());
    return input.substr(0, known) == kVersion.substr(0, known) ? Parsed::kNeedMore
                                                               : Parsed::kMalformed;
  }
  Head head;
  if (!read_head(input.substr(0, blank + kLineEnd.size()), head)) {
    return Parsed::kMalformed;
  }
  const std::string_view rest = input.substr(blank + 2 * kLineEnd.size());
  std::size_t body_bytes = head.body_bytes;
  if (head.chunked) {
    if (const Parsed parsed = measure_chunks(rest, body_bytes); parsed != Parsed::kReply) {
      return parsed;
    }
  } else if (rest.size() < body_bytes) {
    return Parsed::kNeedMore;
  }
  reply.bytes = input.size() - rest.size() + body_bytes;
  reply.text = input.substr(0, reply.bytes);
  reply.close = head.close;
  judge(work, head, rest.substr(0, body_bytes), reply);
  return Parsed::kReply;
}

}  // namespace ticketd::load
