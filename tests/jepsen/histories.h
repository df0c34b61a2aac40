// Histories for tests, written short.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jepsen/check.h"
#include "jepsen/history.h"

namespace ticketd::jepsen {

/// Operations of one sequence, "s", which begins at 0, unless `on()` says otherwise. Times are
/// nanoseconds. Each call adds one operation; `[0]`, `[1]`, ... are they, to be changed.
class Histories {
 public:
  Histories& on(std::string_view sequence) {
    sequence_ = history_.sequences.intern(sequence);
    return *this;
  }

  Histories& took(std::int64_t invoked, std::int64_t returned, std::uint64_t first,
                  std::uint64_t last, std::string_view key = "") {
    Operation& operation = add(invoked, key, static_cast<std::uint32_t>(last - first + 1));
    operation.returned_ns = returned;
    operation.outcome = Outcome::kOk;
    operation.begin = first;
    operation.end = last + 1;
    return *this;
  }

  Histories& took(std::int64_t invoked, std::int64_t returned, std::uint64_t number) {
    return took(invoked, returned, number, number);
  }

  /// `last` is -1 for none.
  Histories& read(std::int64_t invoked, std::int64_t returned, std::int64_t last) {
    Operation& operation = add(invoked, "", 1);
    operation.function = Function::kRead;
    operation.returned_ns = returned;
    operation.outcome = Outcome::kOk;
    operation.end = static_cast<std::uint64_t>(last + 1);
    return *this;
  }

  Histories& unknown(std::int64_t invoked, std::uint32_t count = 1, std::string_view key = "") {
    add(invoked, key, count);
    return *this;
  }

  Histories& failed(std::int64_t invoked, std::int64_t returned, std::uint32_t count = 1,
                    std::string_view key = "") {
    Operation& operation = add(invoked, key, count);
    operation.returned_ns = returned;
    operation.outcome = Outcome::kFail;
    return *this;
  }

  /// The next operations are of that pipeline; 0 for none.
  Histories& pipeline(std::uint32_t number) {
    pipeline_ = number;
    return *this;
  }

  Operation& operator[](std::size_t at) { return history_.operations[at]; }
  const History& history() const { return history_; }

  /// Both checkers have judged, and agree.
  Verdict verdict() const {
    CheckOptions options;
    options.both = true;
    return check(history_, options);
  }

  /// The decision and all findings.
  std::string judged() const { return describe(history_, verdict()); }

 private:
  Operation& add(std::int64_t invoked, std::string_view key, std::uint32_t count) {
    Operation operation;
    operation.invoked_ns = invoked;
    operation.sequence = sequence_;
    operation.key = history_.keys.intern(key);
    operation.count = count;
    operation.pipeline = pipeline_;
    operation.process = static_cast<std::uint32_t>(history_.operations.size());
    operation.line = operation.process + 1;
    history_.operations.push_back(operation);
    return history_.operations.back();
  }

  History history_;
  std::uint32_t pipeline_ = 0;
  std::uint32_t sequence_ = history_.sequences.intern("s");
};

}  // namespace ticketd::jepsen
