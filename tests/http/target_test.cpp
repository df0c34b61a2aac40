#include "http/target.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "base/utf8.h"

namespace ticketd::http {
namespace {

/// The decoded text, or "!" and why not.
std::string decoded(std::string_view text, Plus plus = Plus::kPlus) {
  const auto result = percent_decoded(text, plus);
  return result ? *result : "! " + result.error().message;
}

TEST_CASE("percent signs are decoded, once, in either case") {
  CHECK(decoded("") == "");
  CHECK(decoded("plain-~.") == "plain-~.");
  CHECK(decoded("a%2Fb%2fc") == "a/b/c");
  CHECK(decoded("%2525") == "%25");
  CHECK(decoded("%c3%A4%E2%82%ac%f0%9f%98%80") == "ä€😀");
  CHECK(decoded("%00%0d%0A%7f") == std::string("\0\r\n\x7f", 4));
}

TEST_CASE("a plus is a plus in a path and a space in a query") {
  CHECK(decoded("a+b%2B", Plus::kPlus) == "a+b+");
  CHECK(decoded("a+b%2B", Plus::kSpace) == "a b+");
}

TEST_CASE("malformed percent signs are told") {
  for (const char* text : {"%", "%a", "a%", "%g0", "%0g", "%%20", "% 1", "%-1", "%1%20", "a%4"}) {
    CAPTURE(text);
    CHECK(decoded(text) == "! has a % without two hexadecimal digits");
  }
}

TEST_CASE("what is not UTF-8 is told: overlong forms, surrogates, halves, what is beyond Unicode") {
  for (const char* text :
       {"%80",       "%bf",          "%c0%80",       "%c1%bf",    "%c2",          "%c2a",
        "%c2%c2",    "%e0%80%80",    "%e0%9f%bf",    "%e2%82",    "%e2%82a",      "%ed%a0%80",
        "%ed%bf%bf", "%f0%80%80%80", "%f0%8f%bf%bf", "%f0%9f%98", "%f4%90%80%80", "%f5%80%80%80",
        "%fe",       "%ff",          "a%e4"}) {
    CAPTURE(text);
    CHECK(decoded(text) == "! is not UTF-8");
  }
  for (const char* text : {"%c2%80", "%df%bf", "%e0%a0%80", "%ed%9f%bf", "%ee%80%80", "%ef%bf%bf",
                           "%f0%90%80%80", "%f4%8f%bf%bf"}) {
    CAPTURE(text);
    CHECK(decoded(text).front() != '!');
  }
}

/// The slow and obvious way: to code points, with every rule spelt out.
bool is_utf8_slowly(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t bytes = lead < 0x80       ? 1
                              : lead >> 5 == 6  ? 2
                              : lead >> 4 == 14 ? 3
                              : lead >> 3 == 30 ? 4
                                                : 0;
    if (bytes == 0 || at + bytes > text.size()) return false;
    std::uint32_t point = bytes == 1 ? lead : lead & (0x7fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 0x3f);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[bytes] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
      return false;
    }
    at += bytes;
  }
  return true;
}

TEST_CASE("random bytes are UTF-8 when a slow decoder says so") {
  // Bytes at the edges of what the rules name, so that many strings are nearly right.
  const std::string edges(
      "\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef"
      "\xf0\xf1\xf3\xf4\xf5\xff",
      24);
  for (const char a : edges) {
    for (const char b : edges) {
      for (const char c : edges) {
        for (const char d : edges) {
          const std::string text{a, b, c, d};
          REQUIRE(is_utf8(text) == is_utf8_slowly(text));
        }
      }
    }
  }
}

TEST_CASE("any bytes that are UTF-8 come back from their percent encoding") {
  CHECK(rc::check([](const std::string& bytes) {
    std::string encoded;
    for (const char c : bytes) {
      constexpr char kDigits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kDigits[byte / 16], kDigits[byte % 16]};
    }
    RC_ASSERT(decoded(encoded) == (is_utf8_slowly(bytes) ? bytes : "! is not UTF-8"));
  }));
}

TEST_CASE("parameters are taken one by one, empty pieces skipped") {
  std::string_view text = "&a=1&&b&c==2&=3&d=&";
  std::vector<std::string> taken;
  while (const auto parameter = take_parameter(text)) {
    taken.push_back(std::string(parameter->name) + ":" + std::string(parameter->value));
  }
  CHECK(taken == std::vector<std::string>{"a:1", "b:", "c:=2", ":3", "d:"});
  CHECK(text.empty());
}

TEST_CASE("a parameter's name is compared decoded") {
  CHECK(Parameter{"count", ""}.is("count"));
  CHECK(Parameter{"c%6funt", ""}.is("count"));
  CHECK_FALSE(Parameter{"Count", ""}.is("count"));
  CHECK_FALSE(Parameter{"count+", ""}.is("count"));
  CHECK_FALSE(Parameter{"count%", ""}.is("count"));
  CHECK_FALSE(Parameter{"count%ff", ""}.is("count"));
}

TEST_CASE("a number is digits alone and within 64 bits") {
  CHECK(number("0") == 0);
  CHECK(number("007") == 7);
  CHECK(number("18446744073709551615") == 18446744073709551615u);
  for (const char* text : {"", "18446744073709551616", "99999999999999999999999", "+1", "-1", " 1",
                           "1 ", "1.0", "1e3", "0x1", "a", "1a"}) {
    CAPTURE(text);
    CHECK_FALSE(number(text));
  }
}

}  // namespace
}  // namespace ticketd::http
