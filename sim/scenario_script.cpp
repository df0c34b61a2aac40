#include "sim/scenario_script.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ticketd::sim {

namespace {

constexpr std::string_view kDivider = "----";

/// What a block says, and then the empty line behind it.
void close_block(Script& script, Block& block, bool divided) {
  if (block.lines.empty()) return;
  if (divided && block.expected.empty()) {
    throw ScriptError(block.line, "nothing stands behind the ---- of this block");
  }
  script.blocks.push_back(std::exchange(block, {}));
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Script parse_script(std::string_view text) {
  Script script;
  Block block;
  bool divided = false, in_header = true;
  std::vector<std::string> lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (in_header && line.starts_with('#')) {
      script.header.push_back(line);
    } else if (line.empty()) {
      in_header = false;
      close_block(script, block, divided);
      divided = false;
    } else if (divided) {
      block.expected += line + '\n';
    } else if (line == kDivider) {
      if (block.lines.empty()) throw ScriptError(i + 1, "---- with no command before it");
      divided = true;
    } else {
      in_header = false;
      if (block.lines.empty()) block.line = i + 1;
      block.lines.push_back(line);
    }
  }
  close_block(script, block, divided);
  return script;
}

std::string text_of(const Script& script) {
  std::string text;
  for (const std::string& line : script.header) text += line + '\n';
  for (const Block& block : script.blocks) {
    if (!text.empty()) text += '\n';
    for (const std::string& line : block.lines) text += line + '\n';
    if (!block.expected.empty()) text += std::string(kDivider) + '\n' + block.expected;
  }
  return text;
}

// --- Arguments
// ------------------------------------------------------------------------------------

Arguments::Arguments(std::size_t line_number, std::string_view line) : line_(line_number) {
  std::vector<std::string> words = split(line, ' ');
  std::erase(words, "");
  command_ = words.front();
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos) {
      words_.push_back(words[i]);
    } else if (!options_.emplace(words[i].substr(0, equals), words[i].substr(equals + 1)).second) {
      wrong("\"" + words[i] + "\" says something twice");
    }
  }
}

std::string Arguments::word(const char* what) {
  if (!has_word()) wrong(std::string(what) + " is missing");
  return words_[next_++];
}

bool Arguments::takes(std::string_view word) {
  if (!has_word() || words_[next_] != word) return false;
  ++next_;
  return true;
}

bool Arguments::next_is_one_of(const std::vector<std::string>& words) const {
  return has_word() && std::find(words.begin(), words.end(), words_[next_]) != words.end();
}

std::vector<std::string> Arguments::rest() {
  std::vector<std::string> left(words_.begin() + static_cast<std::ptrdiff_t>(next_), words_.end());
  next_ = words_.size();
  return left;
}

std::string Arguments::option(const std::string& name) {
  asked_.insert(name);
  const auto found = options_.find(name);
  if (found == options_.end()) wrong(name + "= is missing");
  return found->second;
}

std::string Arguments::option(const std::string& name, const std::string& otherwise) {
  return has(name) ? option(name) : otherwise;
}

std::uint64_t Arguments::number(const std::string& name, std::uint64_t otherwise) {
  return has(name) ? as_number(option(name)) : otherwise;
}

std::vector<std::pair<std::string, std::string>> Arguments::all_options() {
  for (const auto& [name, value] : options_) asked_.insert(name);
  return {options_.begin(), options_.end()};
}

std::uint64_t Arguments::as_number(std::string_view text) const {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    wrong("\"" + std::string(text) + "\" is not a number");
  }
  return number;
}

std::uint64_t Arguments::as_span(std::string_view text) const {
  const std::size_t unit = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view name = text.substr(unit);
  const std::uint64_t factor = name == "us"   ? 1
                               : name == "ms" ? 1'000
                               : name == "s"  ? 1'000'000
                                              : 0;
  if (factor == 0) wrong("\"" + std::string(text) + "\" is no span: 100us, 500ms, 2s");
  return as_number(text.substr(0, unit)) * factor;
}

void Arguments::wrong(const std::string& what) const {
  throw ScriptError(line_, command_ + ": " + what);
}

void Arguments::finish() const {
  if (has_word()) wrong("\"" + words_[next_] + "\" means nothing here");
  for (const auto& [name, value] : options_) {
    if (!asked_.contains(name)) wrong(name + "= means nothing here");
  }
}

// --- Differences
// ----------------------------------------------------------------------------------

/// By the longest common subsequence: transcripts are of some hundred lines at most.
std::string difference(std::string_view expected, std::string_view actual) {
  if (expected == actual) return {};
  const std::vector<std::string> before = split(expected, '\n');
  const std::vector<std::string> after = split(actual, '\n');
  std::vector<std::vector<std::size_t>> common(before.size() + 1,
                                               std::vector<std::size_t>(after.size() + 1, 0));
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t j = after.size(); j-- > 0;) {
      common[i][j] = before[i] == after[j] ? common[i + 1][j + 1] + 1
                                           : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::string text;
  std::size_t i = 0, j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      if (!before[i].empty()) text += "  " + before[i] + '\n';
      ++i, ++j;
    } else if (j == after.size() || (i < before.size() && common[i + 1][j] >= common[i][j + 1])) {
      text += "- " + before[i++] + '\n';
    } else {
      text += "+ " + after[j++] + '\n';
    }
  }
  return text;
}

}  // namespace ticketd::sim
