#include <algorithm>
#include <optional>

#include "jepsen/event.h"

namespace ticketd::jepsen {

namespace {

/// Thrown within this file only: a history with an error is read no further.
struct Malformed {
  std::string what;
};

/// A walk over one line. White space and commas mean the same.
class Scanner {
 public:
  explicit Scanner(std::string_view line) : line_(line) {}

  [[noreturn]] void fail(std::string what) const {
    throw Malformed{"byte " + std::to_string(at_ + 1) + ": " + std::move(what)};
  }

  /// The next byte that is neither white space nor a comma; 0 at the end.
  char peek() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == ',' || line_[at_] == '\t')) {
      ++at_;
    }
    return at_ < line_.size() ? line_[at_] : '\0';
  }

  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail(std::string("expected ") + c);
  }

  /// What comes after a colon.
  std::string_view keyword() {
    expect(':');
    const std::size_t begin = at_;
    while (at_ < line_.size() && in_keyword(line_[at_])) ++at_;
    if (at_ == begin) fail("expected a keyword");
    return line_.substr(begin, at_ - begin);
  }

  std::uint64_t number(std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) {
    const char first = peek();
    if (first < '0' || first > '9') fail("expected a number");
    if (first == '0' && at_ + 1 < line_.size() && digit(line_[at_ + 1])) fail("a leading zero");
    std::uint64_t value = 0;
    for (; at_ < line_.size() && digit(line_[at_]); ++at_) {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, static_cast<std::uint64_t>(line_[at_] - '0'), &value)) {
        fail("the number is too large");
      }
    }
    if (at_ < line_.size() && line_[at_] == 'N') ++at_;
    if (value > max) fail("the number is above " + std::to_string(max));
    return value;
  }

  /// What the quotes hold, in `unescaped` if there are escapes, in the line otherwise.
  std::string_view text(std::string& unescaped) {
    expect('"');
    const std::size_t begin = at_;
    while (at_ < line_.size() && line_[at_] != '"' && line_[at_] != '\\') ++at_;
    if (at_ < line_.size() && line_[at_] == '"') return line_.substr(begin, at_++ - begin);
    unescaped.assign(line_.substr(begin, at_ - begin));
    for (; at_ < line_.size() && line_[at_] != '"'; ++at_) {
      unescaped += line_[at_] == '\\' ? escaped() : line_[at_];
    }
    if (at_ == line_.size()) fail("a text without its end");
    ++at_;
    return unescaped;
  }

 private:
  static bool digit(char c) { return c >= '0' && c <= '9'; }
  static bool in_keyword(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || digit(c) || c == '-';
  }

  /// At a backslash; leaves the scanner at the escape's last byte.
  char escaped() {
    if (++at_ == line_.size()) fail("a text without its end");
    switch (line_[at_]) {
      case '"':
      case '\\':
        return line_[at_];
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u':
        return by_number();
      default:
        fail("an unknown escape");
    }
  }

  char by_number() {
    unsigned value = 0;
    for (int left = 4; left > 0; --left) {
      if (++at_ == line_.size()) fail("a text without its end");
      const char c = line_[at_];
      const bool letter = c >= 'a' && c <= 'f';
      if (!letter && !digit(c)) fail("\\u wants four digits of 0-9 and a-f");
      value = value * 16 + static_cast<unsigned>(letter ? c - 'a' + 10 : c - '0');
    }
    if (value >= 0x80) fail("\\u is for control characters alone");
    return static_cast<char>(value);
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::uint64_t>::max() - 1;

/// The fields of one line, put together when all of them are known.
struct Fields {
  std::optional<std::uint32_t> process;
  std::optional<EventType> type;
  std::string_view function;
  bool has_value = false, has_time = false;
  bool pair = false;
  bool has_count = false, has_first = false, has_last = false;
  std::uint64_t end = 0;
  Event event;
};

void once(const Scanner& in, bool seen, std::string_view key) {
  if (seen) in.fail(std::string(key) + " comes twice");
}

EventType type_named(const Scanner& in, std::string_view name) {
  if (name == "invoke") return EventType::kInvoke;
  if (name == "ok") return EventType::kOk;
  if (name == "fail") return EventType::kFail;
  if (name == "info") return EventType::kInfo;
  in.fail(":type is :invoke, :ok, :fail or :info");
}

void parse_last(Scanner& in, Fields& fields) {
  fields.has_last = true;
  if (in.accept('-')) {
    if (in.number() != 1) in.fail("the only number below 0 is -1");
    fields.event.end = 0;
  } else {
    fields.event.end = in.number(kNumberMax) + 1;
  }
}

/// The part of a client's value that stands behind the sequence.
void parse_rest(Scanner& in, Fields& fields, std::string& key_text) {
  in.expect('{');
  while (!in.accept('}')) {
    const std::string_view key = in.keyword();
    if (key == "count") {
      once(in, fields.has_count, key);
      fields.has_count = true;
      fields.event.count = in.number(std::numeric_limits<std::uint32_t>::max());
      if (fields.event.count == 0) in.fail(":count is at least 1");
    } else if (key == "key") {
      once(in, !fields.event.key.empty(), key);
      fields.event.key = in.text(key_text);
      if (fields.event.key.empty()) in.fail("the key is empty");
    } else if (key == "pipeline") {
      once(in, fields.event.pipeline != 0, key);
      fields.event.pipeline =
          static_cast<std::uint32_t>(in.number(std::numeric_limits<std::uint32_t>::max()));
      if (fields.event.pipeline == 0) in.fail(":pipeline is at least 1");
    } else if (key == "first") {
      once(in, fields.has_first, key);
      fields.has_first = true;
      fields.event.begin = in.number(kNumberMax);
    } else if (key == "last") {
      once(in, fields.has_last, key);
      parse_last(in, fields);
    } else {
      in.fail("there is no :" + std::string(key) + " in a value");
    }
  }
}

void parse_field(Scanner& in, Fields& fields, std::array<std::string, 4>& unescaped) {
  const std::string_view key = in.keyword();
  Event& event = fields.event;
  if (key == "process") {
    once(in, fields.process.has_value(), key);
    if (in.peek() != ':') {
      fields.process = static_cast<std::uint32_t>(in.number(kNemesis - 1));
    } else if (in.keyword() == "nemesis") {
      fields.process = kNemesis;
    } else {
      in.fail("a process is a number or :nemesis");
    }
  } else if (key == "type") {
    once(in, fields.type.has_value(), key);
    fields.type = type_named(in, in.keyword());
  } else if (key == "f") {
    once(in, !fields.function.empty(), key);
    fields.function = in.keyword();
  } else if (key == "value") {
    once(in, fields.has_value, key);
    fields.has_value = true;
    fields.pair = in.accept('[');
    event.value = in.text(unescaped[0]);
    if (fields.pair) {
      parse_rest(in, fields, unescaped[1]);
      in.expect(']');
    }
  } else if (key == "time") {
    once(in, fields.has_time, key);
    fields.has_time = true;
    event.time_ns = static_cast<std::int64_t>(
        in.number(static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() - 1)));
  } else if (key == "node") {
    once(in, event.node != 0, key);
    event.node = static_cast<std::uint32_t>(in.number(std::numeric_limits<std::uint16_t>::max()));
    if (event.node == 0) in.fail("nodes are counted from 1");
  } else if (key == "error") {
    once(in, !event.error.empty(), key);
    event.error = in.text(unescaped[2]);
    if (event.error.empty()) in.fail("the error is empty");
  } else {
    in.fail("there is no :" + std::string(key) + " in an event");
  }
}

void require(const Scanner& in, bool holds, const char* what) {
  if (!holds) in.fail(what);
}

/// What the fields mean together.
Event composed(const Scanner& in, Fields& fields) {
  Event& event = fields.event;
  require(in, fields.process.has_value(), "there is no :process");
  require(in, fields.type.has_value(), "there is no :type");
  require(in, !fields.function.empty(), "there is no :f");
  require(in, fields.has_value, "there is no :value");
  require(in, fields.has_time, "there is no :time");
  event.process = *fields.process;
  event.type = *fields.type;
  if (event.process == kNemesis) {
    require(in, event.type == EventType::kInfo, "events of the nemesis are of :type :info");
    require(in, !fields.pair, "the value of a fault is one text");
    event.function = Function::kFault;
    event.fault = fields.function;
    return event;
  }
  require(in, fields.pair, "the value is a pair, the sequence and the rest");
  const bool take = fields.function == "take";
  require(in, take || fields.function == "read", "clients :take and :read");
  event.function = take ? Function::kTake : Function::kRead;
  const bool ok = event.type == EventType::kOk;
  require(in, take || (!fields.has_count && event.key.empty()), "a read has no :count and no :key");
  require(in, fields.has_last == ok, "an :ok, and nothing else, has a :last");
  require(in, fields.has_first == (ok && take),
          "the :ok of a take, and nothing else, has a :first");
  require(in, !ok || !take || event.end > 0, "a take's :last is at least 0");
  return event;
}

}  // namespace

Result<Event> LineParser::parse(std::string_view line) {
  Scanner in(line);
  try {
    Fields fields;
    in.expect('{');
    while (!in.accept('}')) parse_field(in, fields, unescaped_);
    if (in.peek() != '\0') in.fail("more behind the event");
    return composed(in, fields);
  } catch (const Malformed& malformed) {
    return Error{malformed.what};
  }
}

}  // namespace ticketd::jepsen
