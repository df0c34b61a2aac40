#include "cli/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
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

}  // namespace

Result<PidFile> PidFile::reserve(std::string path) {
  if (Status existing = check_existing(path); !existing) {
    return existing.error();
  }
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) {
    directory = ".";
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return failed(path, "write in '" + directory + "'", errno);
  }
  return PidFile(std::move(path));
}

PidFile::PidFile(PidFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

PidFile::~PidFile() {
  if (descriptor_ < 0) {
    return;
  }
  if (still_named(descriptor_, path_)) {
    ::unlink(path_.c_str());
  }
  ::close(descriptor_);
}

Status PidFile::publish() {
  // Written and locked under another name, then renamed, so that the lock comes with the content.
  const std::string text = std::to_string(::getpid()) + "\n";
  const std::string unfinished = path_ + "." + std::to_string(::getpid());
  const int descriptor =
      ::open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor < 0) {
    return failed(path_, "create it", errno);
  }
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 ||
      ::write(descriptor, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::rename(unfinished.c_str(), path_.c_str()) != 0) {
    const Error error = failed(path_, "write it", errno);
    ::unlink(unfinished.c_str());
    ::close(descriptor);
    return error;
  }
  descriptor_ = descriptor;
  return {};
}

}  // namespace ticketd::cli
