#include "cli/console.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace ticketd::cli {
namespace {

void to_stderr(const std::string& line) {
  // One call a line, so that lines of several processes in one file stay whole.
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void set_up_log(bool debug) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto log = std::make_shared<spdlog::logger>("ticketd", std::move(sink));
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  log->set_level(debug ? spdlog::level::debug : spdlog::level::info);
  spdlog::set_default_logger(std::move(log));
}

Status print_result(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return Error{std::string("cannot write to standard output: ") + std::strerror(errno)};
  }
  return {};
}

void print_error(std::string_view message) { to_stderr("ticketd: " + std::string(message) + "\n"); }

void print_note(std::string_view message) { to_stderr(std::string(message) + "\n"); }

void print_part(std::string_view message) { to_stderr(std::string(message)); }

}  // namespace ticketd::cli
