// A file that names the process that serves, for init scripts.
#pragma once

#include <string>

#include "base/result.h"

namespace ticketd::cli {

/// Holds the file from publish() to its end. A held file is locked, so that a process id left
/// behind by a crash is never taken for a living process, even if the number was given out again.
class PidFile {
 public:
  /// Writes nothing yet. The error says why the file will not do: a living process holds it, it is
  /// not a pid file, its directory cannot be written.
  static Result<PidFile> reserve(std::string path);

  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&& other) = delete;
  /// Removes the file if this process published it and it still is the one that the path names.
  ~PidFile();

  /// Puts the file in place, whole: a reader sees the old one, none, or this process's id.
  Status publish();

 private:
  explicit PidFile(std::string path) : path_(std::move(path)) {}

  std::string path_;
  int descriptor_ = -1;
};

}  // namespace ticketd::cli
