// Histories on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "jepsen/event.h"
#include "jepsen/history.h"

namespace ticketd::jepsen {

/// Writes events as they come, in blocks of kBlockBytes. After an error nothing is written any
/// more, and every call returns that error. One thread at a time.
class HistoryWriter {
 public:
  static constexpr std::size_t kBlockBytes = 1 << 18;

  /// Creates the file, or empties it.
  explicit HistoryWriter(const std::filesystem::path& path);
  ~HistoryWriter();
  HistoryWriter(const HistoryWriter&) = delete;
  HistoryWriter& operator=(const HistoryWriter&) = delete;

  Status append(const Event& event);
  /// What came so far is in the file (not: on the disk) when this returns.
  Status flush();

  /// Flushes and closes; append() no more. Without it the destructor does, and drops an error.
  Status close();

 private:
  Status fail(const char* what);

  std::string path_;
  int file_ = -1;
  std::string block_;
  std::string error_;
};

/// Reads all of a history. Errors begin with PATH:LINE.
Result<History> read_history(const std::filesystem::path& path);

/// The same of a text in memory; errors begin with `name`:LINE.
Result<History> parse_history(std::string_view text, const std::string& name);

}  // namespace ticketd::jepsen
