#include "jepsen/event.h"

#include <charconv>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

constexpr std::string_view kTypeNames[] = {":invoke", ":ok", ":fail", ":info"};

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto written = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, written.ptr);
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) out += 'N';
}

void append_escaped(std::string& out, unsigned char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '"' || c == '\\') [[unlikely]] {
      append_escaped(out, byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

/// Parts of a map, a comma between two.
class MapWriter {
 public:
  explicit MapWriter(std::string& out) : out_(out) { out_ += '{'; }
  ~MapWriter() { out_ += '}'; }

  std::string& key(std::string_view name) {
    if (!first_) out_ += ", ";
    first_ = false;
    out_ += name;
    return out_;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

void append_last(std::string& out, std::uint64_t end) {
  if (end == 0) {
    out += "-1";
  } else {
    append_number(out, end - 1);
  }
}

void append_client_value(std::string& out, const Event& event) {
  out += '[';
  append_text(out, event.value);
  out += ' ';
  {
    MapWriter rest(out);
    if (event.count != 1) append_number(rest.key(":count "), event.count);
    if (!event.key.empty()) append_text(rest.key(":key "), event.key);
    if (event.pipeline != 0) append_number(rest.key(":pipeline "), event.pipeline);
    if (event.type == EventType::kOk) {
      if (event.function == Function::kTake) {
        ENSURE_GT(event.end, 0);
        append_number(rest.key(":first "), event.begin);
      }
      append_last(rest.key(":last "), event.end);
    }
  }
  out += ']';
}

}  // namespace

void append_line(std::string& out, const Event& event) {
  {
    MapWriter map(out);
    map.key(":process ");
    if (event.process == kNemesis) {
      out += ":nemesis";
    } else {
      append_number(out, event.process);
    }
    map.key(":type ") += kTypeNames[static_cast<std::size_t>(event.type)];
    map.key(":f ");
    if (event.function == Function::kFault) {
      ENSURE(!event.fault.empty());
      out += ':';
      out += event.fault;
      append_text(map.key(":value "), event.value);
    } else {
      out += event.function == Function::kTake ? ":take" : ":read";
      append_client_value(map.key(":value "), event);
    }
    append_number(map.key(":time "), static_cast<std::uint64_t>(event.time_ns));
    if (event.node != 0) append_number(map.key(":node "), event.node);
    if (!event.error.empty()) append_text(map.key(":error "), event.error);
  }
  out += '\n';
}

}  // namespace ticketd::jepsen
