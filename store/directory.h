// A data directory, who holds it, and its end.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"

namespace ticketd::store {

/// The process that holds a directory, as the lock file tells.
struct Holder {
  pid_t pid = 0;
  /// Peer address of the running node (HOST:PORT), empty while it starts.
  std::string peer_address;
};

/// The exclusive lock on a data directory: one process owns it. The kernel lets go of it when the
/// process ends, however it ends.
class DirectoryLock {
 public:
  /// Creates the directory when `create`. None of the two: held by another process (see holder()).
  static Result<std::optional<DirectoryLock>> acquire(const std::string& path, bool create);
  /// Who holds it now, none when nobody does.
  static std::optional<Holder> holder(const std::string& path);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

  const std::string& path() const { return path_; }
  /// Tells other processes where this node is reached.
  Status announce(const std::string& peer_address);

 private:
  DirectoryLock(std::string path, int descriptor);

  std::string path_;
  int descriptor_ = -1;
};

/// Is there a node's data in it (complete enough to be opened)? Needs no lock.
bool holds_data(const std::string& path);

/// Destroys the node's files (those that it made, nothing else), durably, in an order that leaves a
/// directory which is plainly empty or plainly whole when it is cut short; then the directory
/// itself when nothing is left in it. Refused, with nothing removed, when neither the database nor
/// the journal in it is ticketd's.
Status destroy(DirectoryLock lock);

/// Removes what a destroy that was cut short left behind; nothing to do otherwise.
Status finish_destroy(const DirectoryLock& lock);

}  // namespace ticketd::store
