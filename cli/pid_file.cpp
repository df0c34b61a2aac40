#include "cli/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace ticketd::cli {
namespace {

Error failed(const std::string& path, const std::string& what, int code) {
  return Error{"pid file '" + path + "': cannot " + what + ": " + std::strerror(code)};
}

/// Another file may have taken its place, since whoever removes or replaces it does not ask us.
bool still_named(int descriptor, const std::string& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(descriptor, &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/// What is there already: nothing, or the leftover of a process that is gone.
Status check_existing(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return errno == ENOENT ? Status() : failed(path, "open it", errno);
  }
  std::array<char, 64> bytes{};
  const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
  const bool free = ::flock(descriptor, LOCK_SH | LOCK_NB) == 0;
  ::close(descriptor);
  std::string_view text(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  if (!text.empty() && text.back() == '\n') {
    text.remove_suffix(1);
  }
  if (count < 0 || text.size() > 10 || text.find_first_not_of("0123456789") != text.npos) {
    return Error{"pid file '" + path +
                 "' exists and does not hold a process id; it is left as it is: name another"};
  }
  if (!free) {
    return Error{"pid file '" + path + "' is held by the running process " + std::string(text) +
                 "; stop that one first, or name another file"};
  }
  return {};
}

/// The file that is locked until it takes the other's place; -1 and `error` if there is none.
int lock_unpublished(const std::string& path, const std::string& unpublished,
                     std::optional<Error>& error) {
  while (true) {
    const int descriptor =
        ::open(unpublished.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (descriptor < 0) {
      error = failed(path, "create '" + unpublished + "'", errno);
      return -1;
    }
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      error = errno == EWOULDBLOCK
                  ? Error{"pid file '" + path +
                          "' is that of another node that is just starting; name another file"}
                  : failed(path, "lock '" + unpublished + "'", errno);
      ::close(descriptor);
      return -1;
    }
    if (still_named(descriptor, unpublished)) {
      return descriptor;
    }
    ::close(descriptor);  // published or removed between our open and our lock
  }
}

}  // namespace

Result<PidFile> PidFile::reserve(std::string path) {
  // First the lock, then the look: whoever held it before has published by now, or given up.
  std::optional<Error> error;
  const int descriptor = lock_unpublished(path, path + ".starting", error);
  if (descriptor < 0) {
    return *error;
  }
  PidFile file(std::move(path), descriptor);
  if (Status existing = check_existing(file.path_); !existing) {
    return existing.error();
  }
  return file;
}

PidFile::PidFile(PidFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      published_(other.published_) {}

PidFile::~PidFile() {
  if (descriptor_ < 0) {
    return;
  }
  const std::string named = published_ ? path_ : unpublished();
  if (still_named(descriptor_, named)) {
    ::unlink(named.c_str());
  }
  ::close(descriptor_);
}

Status PidFile::write() {
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor_, 0) != 0 ||
      ::pwrite(descriptor_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return failed(path_, "write it", errno);
  }
  return {};
}

Status PidFile::publish() {
  if (::rename(unpublished().c_str(), path_.c_str()) != 0) {
    return failed(path_, "put it in place", errno);
  }
  published_ = true;
  return {};
}

}  // namespace ticketd::cli
