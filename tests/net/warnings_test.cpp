#include "net/warnings.h"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>

namespace ticketd::net {
namespace {

/// What is logged while it lives.
class Log {
 public:
  Log() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(out_));
    logger->set_pattern("%v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~Log() { spdlog::set_default_logger(before_); }

  /// The lines since the last look.
  std::vector<std::string> take() {
    std::istringstream in(out_.str());
    out_.str("");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
      lines.push_back(line);
    }
    return lines;
  }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream out_;
};

using Lines = std::vector<std::string>;

TEST_CASE("warnings of one kind are bounded, and how many were left out is said") {
  Log log;
  Warnings warnings;
  const Clock::time_point now = Clock::now();
  for (int i = 0; i < 1000; ++i) {
    warnings.warn("refused", "refused " + std::to_string(i), now);
  }
  CHECK(log.take().size() == Warnings::kBurst);
  warnings.warn("refused", "later", now + Warnings::kWindow);
  CHECK(log.take() == Lines{"990 more warnings about connections were left out", "later"});
}

TEST_CASE("the first of a kind is written, whatever came before it") {
  Log log;
  Warnings warnings;
  const Clock::time_point now = Clock::now();
  for (int i = 0; i < 1000; ++i) {
    warnings.warn("refused", "refused", now);
  }
  log.take();
  warnings.warn("lost", "lost", now);
  warnings.warn("lost", "lost again", now);
  CHECK(log.take() == Lines{"lost"});
  warnings.warn("lost", "and lost", now + Warnings::kWindow);
  CHECK(log.take().back() == "and lost");
}

TEST_CASE("kinds that somebody makes up are bounded") {
  Log log;
  Warnings warnings;
  const Clock::time_point now = Clock::now();
  for (int i = 0; i < 1000; ++i) {
    warnings.warn("kind " + std::to_string(i), "made up", now);
  }
  CHECK(log.take().size() == Warnings::kKindsMax);
}

}  // namespace
}  // namespace ticketd::net
