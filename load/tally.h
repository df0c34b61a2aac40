// Counts what becomes of requests.
#pragma once

#include <string_view>

#include "load/report.h"

namespace ticketd::load {

class Tally {
 public:
  /// What was due before `start` does not count.
  void begin(Nanos start);

  /// A request that was due at `due` ended at `at`.
  void add(Outcome outcome, Nanos due, Nanos at);
  void add_unsent() { ++report_.unsent; }
  void add_connect() { ++report_.connects; }
  /// Keeps the first, of any time.
  void note_failure(std::string_view text);

  /// What came since the last call.
  Progress take_progress();
  const std::string& first_failure() const { return report_.first_failure; }
  /// `sent_until`: when the last request could be due.
  Report finish(Nanos sent_until);

 private:
  Nanos start_ = ~Nanos{0};
  /// The last answer that something was done, in the time that counts.
  Nanos last_done_ = 0;
  Report report_;
  Histogram recent_;
  std::uint64_t recently_failed_ = 0;
};

}  // namespace ticketd::load
