#include "jepsen/history.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

std::string seconds(std::int64_t ns) {
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%09lld", static_cast<long long>(ns / 1'000'000'000),
                static_cast<long long>(ns % 1'000'000'000));
  return text;
}

std::string what_was_done(const Operation& operation) {
  const bool take = operation.function == Function::kTake;
  if (operation.outcome != Outcome::kOk) {
    return take ? "asked for " + std::to_string(operation.count) : "asked for the last number";
  }
  if (!take) return "read " + (operation.end == 0 ? "-1" : std::to_string(operation.end - 1));
  return "took " + std::to_string(operation.begin) +
         (operation.end == operation.begin + 1 ? "" : "-" + std::to_string(operation.end - 1));
}

}  // namespace

History::History() {
  keys.intern("");
  errors.intern("");
}

std::string describe(const History& history, const Operation& operation) {
  std::string text = "process " + std::to_string(operation.process) + " " +
                     what_was_done(operation) + " of \"" +
                     std::string(history.sequences.text(operation.sequence)) + "\" ";
  if (operation.key != 0) text += "as " + std::string(history.keys.text(operation.key)) + " ";
  if (operation.pipeline != 0) text += "in pipeline " + std::to_string(operation.pipeline) + " ";
  if (operation.outcome == Outcome::kUnknown) {
    text += "at " + seconds(operation.invoked_ns) + " s, outcome unknown";
  } else {
    text +=
        "from " + seconds(operation.invoked_ns) + " to " + seconds(operation.returned_ns) + " s";
    if (operation.outcome == Outcome::kFail) text += ", which failed";
  }
  if (operation.line != 0) text += " (line " + std::to_string(operation.line) + ")";
  return text;
}

Status HistoryBuilder::add(const Event& event) {
  if (event.time_ns < latest_ns_) {
    return Error{"the time goes back from " + std::to_string(latest_ns_) + " to " +
                 std::to_string(event.time_ns)};
  }
  ++lines_;
  if (event.process == kNemesis) {
    history_.faults.push_back({event.time_ns, std::string(event.fault), std::string(event.value)});
  } else if (Status done = event.type == EventType::kInvoke ? invoke(event) : complete(event);
             !done.ok()) {
    --lines_;
    return done;
  }
  latest_ns_ = event.time_ns;
  return {};
}

Status HistoryBuilder::invoke(const Event& event) {
  if (event.process >= current_.size()) {
    if (event.process >= kProcessesMax) {
      return Error{"processes are numbered below " + std::to_string(kProcessesMax)};
    }
    current_.resize(std::max<std::size_t>(event.process + 1, current_.size() * 2));
  }
  Current& current = current_[event.process];
  if (current.operation_plus_one != 0) {
    const Operation& last = history_.operations[current.operation_plus_one - 1];
    return Error{"process " + std::to_string(event.process) +
                 " goes on although its operation of line " + std::to_string(last.line) +
                 " did not end"};
  }
  current.operation_plus_one = history_.operations.size() + 1;
  Operation operation;
  operation.invoked_ns = event.time_ns;
  operation.line = lines_;
  operation.process = event.process;
  operation.sequence = history_.sequences.intern(event.value);
  operation.key = history_.keys.intern(event.key);
  operation.count = static_cast<std::uint32_t>(event.count);
  operation.pipeline = event.pipeline;
  operation.function = event.function;
  history_.operations.push_back(operation);
  return {};
}

Status HistoryBuilder::complete(const Event& event) {
  if (event.process >= current_.size() || current_[event.process].operation_plus_one == 0 ||
      current_[event.process].unknown) {
    return Error{"process " + std::to_string(event.process) + " completes what it did not begin"};
  }
  Current& current = current_[event.process];
  Operation& operation = history_.operations[current.operation_plus_one - 1];
  if (operation.function != event.function || operation.count != event.count ||
      operation.pipeline != event.pipeline ||
      history_.sequences.text(operation.sequence) != event.value ||
      history_.keys.text(operation.key) != event.key) {
    return Error{"process " + std::to_string(event.process) +
                 " completes another operation than that of line " +
                 std::to_string(operation.line)};
  }
  operation.node = static_cast<std::uint16_t>(event.node);
  operation.error = history_.errors.intern(event.error);
  if (event.type == EventType::kInfo) {
    current.unknown = true;
    return {};
  }
  operation.returned_ns = event.time_ns;
  operation.outcome = event.type == EventType::kOk ? Outcome::kOk : Outcome::kFail;
  if (event.type == EventType::kOk) {
    operation.begin = event.begin;
    operation.end = event.end;
  }
  current = {};
  return {};
}

History HistoryBuilder::finish() {
  current_.clear();
  latest_ns_ = 0;
  lines_ = 0;
  return std::exchange(history_, History());
}

}  // namespace ticketd::jepsen
