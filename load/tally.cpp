#include "load/tally.h"

#include <algorithm>

#include "base/check.h"

namespace ticketd::load {
namespace {

constexpr std::size_t kFailureBytesMax = 200;

Nanos between(Nanos from, Nanos to) { return to - std::min(from, to); }

}  // namespace

void Tally::begin(Nanos start) {
  start_ = start;
  last_done_ = start;
}

void Tally::add(Outcome outcome, Nanos due, Nanos at) {
  const Nanos latency = between(due, at);
  if (outcome == Outcome::kDone) {
    recent_.record(latency);
  } else {
    ++recently_failed_;
  }
  if (due < start_) {
    return;
  }
  ++report_.outcomes[static_cast<std::size_t>(outcome)];
  if (outcome == Outcome::kDone) {
    report_.latency.record(latency);
    report_.longest_silence = std::max(report_.longest_silence, between(last_done_, at));
    last_done_ = std::max(last_done_, at);
  }
}

void Tally::note_failure(std::string_view text) {
  if (report_.first_failure.empty()) {
    report_.first_failure = check_detail::quoted(text.substr(0, kFailureBytesMax));
  }
}

Progress Tally::take_progress() {
  Progress progress;
  progress.done = recent_.count();
  progress.p50 = recent_.at(0.5);
  progress.p99 = recent_.at(0.99);
  progress.failed = recently_failed_;
  recent_.clear();
  recently_failed_ = 0;
  return progress;
}

Report Tally::finish(Nanos sent_until) {
  report_.longest_silence = std::max(report_.longest_silence, between(last_done_, sent_until));
  report_.duration = between(start_, std::max(last_done_, sent_until));
  return std::move(report_);
}

}  // namespace ticketd::load
