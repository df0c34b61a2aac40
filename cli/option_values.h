// From the texts of options to the commands' values.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "cli/given.h"
#include "cli/options.h"
#include "cli/values.h"

namespace ticketd::cli {

/// Turns texts into values and keeps the first thing that is wrong, so that one look at the end
/// suffices.
class Values {
 public:
  explicit Values(const Given& given) : given_(given) {}

  /// Only an option that was given can be wrong: the table's defaults are right.
  std::string text(OptionKey key) const {
    if (!given_.all(key).empty()) {
      return given_.all(key).front();
    }
    const char* fallback = row_of(key).fallback;
    return fallback == nullptr ? std::string() : fallback;
  }

  template <class T>
  T parsed(OptionKey key, Result<T> result) {
    if (result) {
      return *std::move(result);
    }
    wrong("--" + std::string(row_of(key).name) + ": " + result.error().message);
    return T{};
  }

  std::uint64_t number(OptionKey key, std::uint64_t least, std::uint64_t most) {
    return parsed(key, parse_number(text(key), least, most));
  }

  std::uint16_t port(OptionKey key) { return static_cast<std::uint16_t>(number(key, 0, 65535)); }

  void wrong(std::string message) {
    if (!fault_) {
      fault_ = Error{std::move(message)};
    }
  }

  std::chrono::milliseconds timeout() {
    return std::chrono::milliseconds(
        number(OptionKey::kRequestTimeout, kRequestTimeoutMsMin, kRequestTimeoutMsMax));
  }

  bool is_json() {
    const std::string format = text(OptionKey::kOutput);
    if (format != "text" && format != "json") {
      wrong("--output: must be text or json, and is '" + format + "'");
    }
    return format == "json";
  }

  const std::optional<Error>& fault() const { return fault_; }

 private:
  const Given& given_;
  std::optional<Error> fault_;
};

/// A command with many options of its own (options_bench.cpp).
BenchCommand bench_command(const Given& given, Values& values);

}  // namespace ticketd::cli
