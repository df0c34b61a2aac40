// A file that names the process that serves, for init scripts.
#pragma once

#include <string>

#include "base/result.h"

namespace ticketd::cli {

/// Holds the file from publish() to its end. A held file is locked, so that a process id left
/// behind by a crash is never taken for a living process, even if the number was given out again.
/// Until it is published it stands beside its place as PATH.starting, locked as well: of several
/// that start at one moment one gets it. A process that is forked in between holds it too; the one
/// that calls write() is the owner.
class PidFile {
 public:
  /// The error says why the file will not do: a living process holds it or is starting with it, it
  /// is not a pid file, its directory cannot be written.
  static Result<PidFile> reserve(std::string path);

  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&& other) = delete;
  /// Removes the file if it was not published yet, or by this process, and still is the one that
  /// its path names.
  ~PidFile();

  /// Writes the id of this process. What may fail for want of space fails here.
  Status write();
  /// Puts the file in place, whole: a reader sees the old one, none, or the owner's id.
  Status publish();

 private:
  PidFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::string unpublished() const { return path_ + ".starting"; }

  std::string path_;
  int descriptor_ = -1;
  bool published_ = false;
};

}  // namespace ticketd::cli
