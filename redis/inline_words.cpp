#include "redis/inline_words.h"

namespace ticketd::redis {

namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// 0 to 15, or -1.
int hexadecimal(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char escaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

/// Takes what a backslash stands before from the front of `line`, which begins with it.
char take_escaped(std::string_view& line) {
  if (line.size() >= 4 && line[1] == 'x') {
    const int high = hexadecimal(line[2]);
    const int low = hexadecimal(line[3]);
    if (high >= 0 && low >= 0) {
      line.remove_prefix(4);
      return static_cast<char>(16 * high + low);
    }
  }
  const char c = escaped(line[1]);
  line.remove_prefix(2);
  return c;
}

/// Takes the rest of a quoted part, and its closing quote, from the front of `line`.
bool take_quoted(std::string_view& line, char quote, std::string& text) {
  while (!line.empty()) {
    const bool backslash = line[0] == '\\' && line.size() >= 2;
    if (backslash && quote == '"') {
      text.push_back(take_escaped(line));
    } else if (backslash && line[1] == '\'') {
      text.push_back('\'');
      line.remove_prefix(2);
    } else if (line[0] == quote) {
      line.remove_prefix(1);
      return line.empty() || is_space(line[0]);
    } else {
      text.push_back(line[0]);
      line.remove_prefix(1);
    }
  }
  return false;
}

bool take_word(std::string_view& line, std::string& text) {
  while (!line.empty() && !is_space(line[0])) {
    const char c = line[0];
    line.remove_prefix(1);
    if (c == '"' || c == '\'') {
      return take_quoted(line, c, text);
    }
    text.push_back(c);
  }
  return true;
}

}  // namespace

bool split_words(std::string_view line, std::string& text, std::vector<Word>& words) {
  while (true) {
    while (!line.empty() && is_space(line[0])) {
      line.remove_prefix(1);
    }
    if (line.empty()) {
      return true;
    }
    const std::size_t at = text.size();
    if (!take_word(line, text)) {
      return false;
    }
    words.push_back({at, text.size() - at});
  }
}

}  // namespace ticketd::redis
