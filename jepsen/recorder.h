// Where clients and faults report what happens.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "base/result.h"
#include "jepsen/history.h"
#include "jepsen/history_file.h"

namespace ticketd::jepsen {

/// Stamps events with the time since it was made, writes them to a file, and keeps them as
/// operations. Any thread may report. An invocation is reported before anything of it is sent, a
/// completion after the answer came, so that an operation's interval holds all of it.
class Recorder {
 public:
  explicit Recorder(const std::filesystem::path& file);

  /// The time of the event is set here. Requires what HistoryBuilder::add() does.
  void report(Event event);

  /// `name` as in Event::fault.
  void fault(const std::string& name, const std::string& what);

  /// So that a reader of the file, or a crash, finds what came so far.
  void flush();

  /// Hands over all there was. An error when not all of it could be written.
  Result<History> finish();

 private:
  std::mutex mutex_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  HistoryWriter writer_;
  HistoryBuilder builder_;
};

}  // namespace ticketd::jepsen
