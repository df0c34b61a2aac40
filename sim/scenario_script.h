// The text of a scenario: commands, and behind them what they gave.
//
//   # 16 An entry of an earlier term is committed by counting
//   # What others got wrong, and what must happen.
//
//   cluster voters=3
//   elect 1
//   ----
//   2 votes for 1 in term 2
//
// A block is one or more lines of commands or # comments, then, if they gave anything, ---- and
// what they gave, up to an empty line. The comments before the first block are the header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ticketd::sim {

/// The scenario itself is wrong; says why, with its line.
class ScriptError : public std::runtime_error {
 public:
  ScriptError(std::size_t line, const std::string& what)
      : std::runtime_error("line " + std::to_string(line) + ": " + what) {}
};

struct Block {
  /// Of the first of `lines`, from 1.
  std::size_t line = 0;
  std::vector<std::string> lines;
  std::string expected;  // with a line end, unless empty
};

struct Script {
  std::vector<std::string> header;
  std::vector<Block> blocks;
};

/// Throws a ScriptError.
Script parse_script(std::string_view text);
/// The text that parses to it.
std::string text_of(const Script& script);

/// One line of a block, in words: the command's name, the words behind it in order, and those with
/// a
/// '=' by their names. What is asked for and is not there, or is there and is never asked for, is a
/// ScriptError.
class Arguments {
 public:
  /// None of the words is empty; `line` is no comment.
  Arguments(std::size_t line_number, std::string_view line);

  const std::string& command() const { return command_; }
  std::size_t line() const { return line_; }

  /// The next word.
  std::string word(const char* what);
  bool has_word() const { return next_ < words_.size(); }
  /// Takes the next word if it is this one.
  bool takes(std::string_view word);
  bool next_is_one_of(const std::vector<std::string>& words) const;
  /// All that are left.
  std::vector<std::string> rest();

  bool has(const std::string& name) const { return options_.contains(name); }
  std::string option(const std::string& name);
  std::string option(const std::string& name, const std::string& otherwise);
  std::uint64_t number(const std::string& name, std::uint64_t otherwise);
  /// The options as they are written, all of them.
  std::vector<std::pair<std::string, std::string>> all_options();

  std::uint64_t as_number(std::string_view text) const;
  /// "500ms", "2s", "100us", in microseconds.
  std::uint64_t as_span(std::string_view text) const;
  [[noreturn]] void wrong(const std::string& what) const;
  /// That everything was asked for.
  void finish() const;

 private:
  std::size_t line_;
  std::string command_;
  std::vector<std::string> words_;
  std::size_t next_ = 0;
  std::map<std::string, std::string> options_;
  std::set<std::string> asked_;
};

/// Lines of both, with "-" what was expected and did not come, with "+" what came instead; empty
/// when they are equal.
std::string difference(std::string_view expected, std::string_view actual);

std::vector<std::string> split(std::string_view text, char separator);

}  // namespace ticketd::sim
