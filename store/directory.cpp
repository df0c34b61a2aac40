#include "store/directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "store/durable.h"
#include "store/file.h"
#include "store/journal_format.h"
#include "store/layout.h"
#include "store/verify.h"

namespace ticketd::store {
namespace {

/// A lock of the open file description: unlike a process's fcntl lock it is not lost when some
/// other descriptor of the file is closed, and unlike flock it can be asked about without being
/// taken.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

/// With what is missing above it.
Status make_directory(const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos;
       end = path.find('/', end + 1)) {
    const std::string above = path.substr(0, end);
    if (::mkdir(above.c_str(), 0750) == 0) {
      if (Status synced = sync_directory(above + "/.."); !synced) {
        return synced;
      }
    }
  }
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return system_error("create", path, errno);
  }
  // Names of directories are durable only after a sync of what holds them.
  return sync_directory(path + "/..");
}

/// Is the locked file still the one that the path names? Not when its last holder removed it
/// between our open and our lock.
bool still_named(int descriptor, const std::string& path) {
  struct stat locked {};
  struct stat named {};
  return ::fstat(descriptor, &locked) == 0 && ::stat(path.c_str(), &named) == 0 &&
         locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
}

Status write_holder(int descriptor, const std::string& path, const std::string& peer_address) {
  const std::string text = std::to_string(::getpid()) + "\n" + peer_address + "\n";
  // Written over the old text and then cut, so that no reader sees an empty file.
  if (::pwrite(descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(descriptor, static_cast<off_t>(text.size())) != 0) {
    return system_error("write", path, errno);
  }
  return {};
}

Holder parse_holder(std::string_view text) {
  Holder holder;
  const std::size_t end = text.find('\n');
  std::from_chars(text.data(), text.data() + std::min(end, text.size()), holder.pid);
  if (end != std::string_view::npos) {
    text.remove_prefix(end + 1);
    holder.peer_address = std::string(text.substr(0, text.find('\n')));
  }
  return holder;
}

/// In the order in which they go; data.mdb was renamed before, so that the directory counts as
/// empty from the first step on.
Status remove_rest(const std::string& path) {
  for (const std::string& name : list_directory(path)) {
    const bool snapshot = (name.starts_with(kSnapshotPrefix) &&
                           (name.ends_with(kSnapshotSuffix) || name.ends_with(kUnfinishedSuffix)));
    const bool ours = name == kJournalFile || name == kNewJournalFile || name == kReadersFile ||
                      name == kFlushFailedFile ||
                      name == kNewDatabaseFile || name == kIncomingFile || name == kInstallingFile;
    if (snapshot || ours) {
      durable_step("destroy: a file");
      if (Status removed = remove_file(in_directory(path, name)); !removed) {
        return removed;
      }
    }
  }
  if (Status synced = sync_directory(path); !synced) {
    return synced;
  }
  durable_step("destroy: the marker");
  if (Status removed = remove_file(in_directory(path, kDestroyedFile)); !removed) {
    return removed;
  }
  return sync_directory(path);
}

bool has_our_journal(const std::string& path) {
  const Result<File> file = File::open(in_directory(path, kJournalFile), File::Mode::kRead);
  std::string beginning(8, '\0');
  return file && file->read(0, beginning).ok() && begins_as_journal(beginning);
}

/// Before anything is removed: other programs call their files data.mdb too. One mark is enough,
/// since what is to be destroyed may be damaged.
Status check_ours(const std::string& path) {
  const std::string database = in_directory(path, kDatabaseFile);
  if (!holds_data(path) || has_our_journal(path) ||
      (exists(database) && holds_our_schema(database))) {
    return {};
  }
  return Error{"the files in " + path + " are not ticketd's: there is neither a " +
               std::string(kDatabaseFile) + " with ticketd's schema nor a " +
               std::string(kJournalFile) +
               " of ticketd. Nothing was removed. Should they be what is left of a node, remove "
               "them by hand"};
}

}  // namespace

DirectoryLock::DirectoryLock(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

Result<std::optional<DirectoryLock>> DirectoryLock::acquire(const std::string& path, bool create) {
  if (create) {
    if (Status made = make_directory(path); !made) {
      return made.error();
    }
  }
  const std::string lock_path = in_directory(path, kLockFile);
  while (true) {
    const int descriptor = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor < 0) {
      return system_error("open", lock_path, errno);
    }
    DirectoryLock lock(path, descriptor);
    struct flock wanted = whole_file();
    if (::fcntl(descriptor, F_OFD_SETLK, &wanted) != 0) {
      if (errno == EAGAIN || errno == EACCES) {
        return std::optional<DirectoryLock>();
      }
      return system_error("lock", lock_path, errno);
    }
    if (!still_named(descriptor, lock_path)) {
      continue;
    }
    if (Status written = write_holder(descriptor, lock_path, ""); !written) {
      return written.error();
    }
    return std::optional<DirectoryLock>(std::move(lock));
  }
}

std::optional<Holder> DirectoryLock::holder(const std::string& path) {
  const int descriptor = ::open(in_directory(path, kLockFile).c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) {
    return std::nullopt;
  }
  struct flock asked = whole_file();
  std::optional<Holder> holder;
  if (::fcntl(descriptor, F_OFD_GETLK, &asked) == 0 && asked.l_type != F_UNLCK) {
    std::array<char, 512> text{};
    const ssize_t count = ::pread(descriptor, text.data(), text.size(), 0);
    holder = parse_holder(
        std::string_view(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0));
  }
  ::close(descriptor);
  return holder;
}

Status DirectoryLock::announce(const std::string& peer_address) {
  return write_holder(descriptor_, in_directory(path_, kLockFile), peer_address);
}

bool holds_data(const std::string& path) {
  // A journal alone is a node that lost its database: to be opened, and then refused with reason.
  return !exists(in_directory(path, kDestroyedFile)) &&
         (exists(in_directory(path, kDatabaseFile)) || exists(in_directory(path, kJournalFile)));
}

Status destroy(DirectoryLock lock) {
  const std::string& path = lock.path();
  const std::string marker = in_directory(path, kDestroyedFile);
  if (Status ours = check_ours(path); !ours) {
    return ours;
  }
  if (exists(in_directory(path, kDatabaseFile))) {
    durable_step("destroy: data.mdb renamed");
    if (Status renamed = rename_file(in_directory(path, kDatabaseFile), marker); !renamed) {
      return renamed;
    }
  } else if (!exists(marker)) {
    durable_step("destroy: the marker made");
    if (Result<File> made = File::open(marker, File::Mode::kCreate); !made) {
      return made.error();
    }
  }
  if (Status synced = sync_directory(path); !synced) {
    return synced;
  }
  if (Status removed = remove_rest(path); !removed) {
    return removed;
  }
  if (Status removed = remove_file(in_directory(path, kLockFile)); !removed) {
    return removed;
  }
  // Fails when something else is in it, or when it is a mount point: then it stays, empty of ours.
  if (::rmdir(path.c_str()) != 0) {
    return sync_directory(path);
  }
  return {};
}

Status finish_destroy(const DirectoryLock& lock) {
  return exists(in_directory(lock.path(), kDestroyedFile)) ? remove_rest(lock.path()) : Status();
}

}  // namespace ticketd::store
