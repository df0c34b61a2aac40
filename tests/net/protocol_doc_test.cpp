// Keeps docs/protocol.md true: its examples are what the program writes and reads, and its tables
// name the fields there are, in their order. With TICKETD_REWRITE_DOCS set in the environment the
// examples are written anew instead, to be looked at in a diff.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "net/codec.h"
#include "tests/net/annotator.h"
#include "tests/net/samples.h"

namespace ticketd::net {
namespace {

const std::string kPath = std::string(TICKETD_SOURCE_DIR) + "/docs/protocol.md";
constexpr std::size_t kColumns = 8;

std::vector<std::string> read_lines() {
  std::ifstream in(kPath);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  REQUIRE_MESSAGE(!lines.empty(), kPath);
  return lines;
}

std::string hex_row(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += text.empty() ? "" : " ";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/// The bytes in rows, the field beside the first of them.
void add_rows(std::vector<std::string>& rows, std::string_view bytes, const std::string& field) {
  for (std::size_t at = 0; at < bytes.size(); at += kColumns) {
    std::string row = hex_row(bytes.substr(at, kColumns));
    if (at == 0) {
      row.resize(3 * kColumns + 1, ' ');
      row += field;
    }
    rows.push_back(row);
  }
}

Annotator annotated(const Frame& frame) {
  Annotator annotator;
  std::visit(
      [&annotator](const auto& each) {
        if constexpr (std::is_same_v<decltype(each), const raft::Message&>) {
          std::visit([&annotator](const auto& message) { fields(annotator, message); }, each);
        } else {
          fields(annotator, each);
        }
      },
      frame);
  return annotator;
}

std::vector<std::string> example(const Frame& frame) {
  std::string bytes;
  encode(frame, bytes);
  const std::string_view all = bytes;
  std::vector<std::string> rows;
  add_rows(rows, all.substr(0, kVersionOffset), "magic");
  add_rows(rows, all.substr(kVersionOffset, 1), "version");
  add_rows(rows, all.substr(kTypeOffset, 1), std::string("type: ") + to_string(type_of(frame)));
  add_rows(rows, all.substr(kCheckOffset, 2), "check");
  add_rows(rows, all.substr(kLengthOffset, 4),
           "length = " + std::to_string(all.size() - kHeaderBytes));
  add_rows(rows, all.substr(kChecksumOffset, 8), "checksum");
  std::string payload;
  const Annotator annotator = annotated(frame);
  for (const Annotator::Line& line : annotator.lines()) {
    add_rows(rows, line.bytes, line.field);
    payload += line.bytes;
  }
  CHECK(payload == all.substr(kHeaderBytes));
  return rows;
}

/// What the page has under a message's heading.
struct Section {
  /// `name` of the rows of its first table.
  std::vector<std::string> fields;
  std::vector<std::string> example;
};

std::map<std::string, Section> read_sections() {
  std::map<std::string, Section> sections;
  std::string heading;
  bool in_example = false;
  bool first_table = true;
  for (const std::string& line : read_lines()) {
    if (line.rfind("#", 0) == 0) {
      heading = line.rfind("### ", 0) == 0 ? line.substr(4) : "";
      first_table = true;
    } else if (line.rfind("```", 0) == 0) {
      in_example = line == "```hex " + heading;
    } else if (in_example) {
      sections[heading].example.push_back(line);
    } else if (first_table && line.rfind("| `", 0) == 0 && !heading.empty()) {
      sections[heading].fields.push_back(line.substr(3, line.find('`', 3) - 3));
    } else if (first_table && line.empty() && !sections[heading].fields.empty()) {
      first_table = false;
    }
  }
  sections.erase("");
  return sections;
}

std::string bytes_of(const std::vector<std::string>& rows) {
  std::string bytes;
  for (const std::string& row : rows) {
    std::istringstream in(row.substr(0, 3 * kColumns));
    for (std::string pair; in >> pair;) {
      bytes.push_back(static_cast<char>(std::stoi(pair, nullptr, 16)));
    }
  }
  return bytes;
}

void rewrite() {
  std::ostringstream out;
  bool skipping = false;
  for (const std::string& line : read_lines()) {
    skipping = skipping && line != "```";
    if (!skipping) {
      out << line << '\n';
    }
    if (line.rfind("```hex ", 0) == 0) {
      for (const std::string& row : example(sample(line.substr(7)))) {
        out << row << '\n';
      }
      skipping = true;
    }
  }
  std::ofstream(kPath) << out.str();
}

TEST_CASE("the page of the protocol shows every message, byte for byte") {
  if (std::getenv("TICKETD_REWRITE_DOCS") != nullptr) {
    rewrite();
  }
  const std::map<std::string, Section> sections = read_sections();
  for (const Sample& each : samples()) {
    CAPTURE(each.name);
    REQUIRE(sections.contains(each.name));
    const std::string bytes = bytes_of(sections.at(each.name).example);
    std::string written;
    encode(each.frame, written);
    CHECK(bytes == written);
    CHECK(sections.at(each.name).example == example(each.frame));
    const Result<Frame> read =
        decode(type_of(each.frame), std::string_view(bytes).substr(kHeaderBytes));
    REQUIRE(read.ok());
    CHECK(*read == each.frame);
  }
  CHECK(sections.size() == samples().size());
}

TEST_CASE("the page of the protocol names every field, in order") {
  const std::map<std::string, Section> sections = read_sections();
  for (const Sample& each : samples()) {
    CAPTURE(each.name);
    const Annotator annotator = annotated(each.frame);
    std::vector<std::string> names = annotator.names();
    if (each.name.find(' ') != std::string::npos) {
      names.erase(names.begin(), names.begin() + 2);  // id and kind, described once for all
    }
    REQUIRE(sections.contains(each.name));
    CHECK(sections.at(each.name).fields == names);
  }
}

TEST_CASE("there is a sample, and so an example, of every message") {
  std::vector<bool> calls(std::variant_size_v<Call>), replies(std::variant_size_v<Reply>);
  std::map<FrameType, int> types;
  for (const Sample& each : samples()) {
    ++types[type_of(each.frame)];
    if (const auto* request = std::get_if<Request>(&each.frame)) {
      calls[request->call.index()] = true;
    } else if (const auto* response = std::get_if<Response>(&each.frame)) {
      replies[response->reply.index()] = true;
    }
  }
  CHECK(std::count(calls.begin(), calls.end(), false) == 0);
  CHECK(std::count(replies.begin(), replies.end(), false) == 0);
  std::size_t known = 0;
  for (int type = 0; type < 256; ++type) {
    known += to_string(static_cast<FrameType>(type)) != nullptr ? 1U : 0U;
  }
  CHECK(types.size() == known);
  CHECK(known == std::variant_size_v<Frame> - 1 + std::variant_size_v<raft::Message>);
}

}  // namespace
}  // namespace ticketd::net
