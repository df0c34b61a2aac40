#include "redis/inline_words.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <optional>
#include <string>
#include <vector>

namespace ticketd::redis {
namespace {

using Words = std::vector<std::string>;

std::optional<Words> split(const std::string& line) {
  std::string text;
  std::vector<Word> places;
  if (!split_words(line, text, places)) {
    return std::nullopt;
  }
  Words words;
  for (const Word& word : places) {
    words.push_back(text.substr(word.at, word.size));
  }
  return words;
}

TEST_CASE("words stand between white space") {
  CHECK(split("") == Words{});
  CHECK(split(" \t ") == Words{});
  CHECK(split("PING") == Words{"PING"});
  CHECK(split("  ticket\tkey \v COUNT  3 ") == Words{"ticket", "key", "COUNT", "3"});
}

TEST_CASE("quotes hold words together, and may be empty") {
  CHECK(split(R"(echo "a b" 'c d' "" '')") == Words{"echo", "a b", "c d", "", ""});
  CHECK(split(R"(a"b c")") == Words{"ab c"});
  CHECK(split(R"("it's" 'say "x"')") == Words{"it's", R"(say "x")"});
}

TEST_CASE("escapes mean what they do in C, within double quotes") {
  CHECK(split(R"("\n\r\t\b\a\\\"\q")") == Words{"\n\r\t\b\a\\\"q"});
  CHECK(split(R"("\x41\x0a\xFf\x4")") == Words{"A\n\xffx4"});
  CHECK(split(R"('\n\'\x41')") == Words{R"(\n'\x41)"});
  CHECK(split(R"(\n \x41)") == Words{R"(\n)", R"(\x41)"});
}

TEST_CASE("a quote that is not closed, or not at a word's end, is none") {
  for (const char* line :
       {R"(")", R"(')", R"(a "b)", R"("\")", R"('\')", R"("a"b)", R"('a''b')", R"("a\)"}) {
    CAPTURE(line);
    CHECK(split(line) == std::nullopt);
  }
}

/// As one would type it so that nothing in it is special.
std::string quoted(const std::string& word) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    result += "\\x";
    result += kDigits[byte / 16];
    result += kDigits[byte % 16];
  }
  return result + "\"";
}

TEST_CASE("any words can be typed") {
  CHECK(rc::check("round trip", [](const Words& words) {
    std::string line;
    for (const std::string& word : words) {
      line += " " + quoted(word);
    }
    RC_ASSERT(split(line) == words);
  }));
}

}  // namespace
}  // namespace ticketd::redis
