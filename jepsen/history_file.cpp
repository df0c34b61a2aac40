#include "jepsen/history_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

Error system_error(const std::string& what, const std::string& path) {
  return Error{what + " " + path + ": " + std::strerror(errno)};
}

/// Lines in blocks, put together where a block ends within one.
class LineFeeder {
 public:
  explicit LineFeeder(std::string name) : name_(std::move(name)) {}

  Status feed(std::string_view block) {
    if (!rest_.empty()) {
      const std::size_t end = block.find('\n');
      rest_.append(block.substr(0, end));
      if (end == std::string_view::npos) return {};
      if (Status read = line(rest_); !read.ok()) return read;
      rest_.clear();
      block.remove_prefix(end + 1);
    }
    for (std::size_t end; (end = block.find('\n')) != std::string_view::npos;) {
      if (Status read = line(block.substr(0, end)); !read.ok()) return read;
      block.remove_prefix(end + 1);
    }
    rest_.assign(block);
    return {};
  }

  Result<History> finish() {
    if (!rest_.empty()) {
      ++lines_;
      return at_line("the last line has no end; the file was cut short");
    }
    return builder_.finish();
  }

 private:
  Status line(std::string_view text) {
    ++lines_;
    const Result<Event> event = parser_.parse(text);
    if (!event.ok()) return at_line(event.error().message);
    if (Status added = builder_.add(*event); !added.ok()) return at_line(added.error().message);
    return {};
  }

  Error at_line(const std::string& what) const {
    return Error{name_ + ":" + std::to_string(lines_) + ": " + what};
  }

  std::string name_;
  std::string rest_;
  std::uint64_t lines_ = 0;
  LineParser parser_;
  HistoryBuilder builder_;
};

}  // namespace

HistoryWriter::HistoryWriter(const std::filesystem::path& path) : path_(path.string()) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file_ < 0) error_ = system_error("cannot create", path_).message;
  block_.reserve(kBlockBytes + 4096);
}

HistoryWriter::~HistoryWriter() { static_cast<void>(close()); }

Status HistoryWriter::append(const Event& event) {
  if (!error_.empty()) return Error{error_};
  ENSURE_GE(file_, 0);
  append_line(block_, event);
  return block_.size() < kBlockBytes ? Status{} : flush();
}

Status HistoryWriter::flush() {
  std::string_view rest = block_;
  while (error_.empty() && !rest.empty()) {
    const ssize_t written = ::write(file_, rest.data(), rest.size());
    if (written > 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0 || errno != EINTR) {
      return fail("cannot write");
    }
  }
  block_.clear();
  return error_.empty() ? Status{} : Status{Error{error_}};
}

Status HistoryWriter::close() {
  Status flushed = flush();
  if (file_ >= 0 && ::close(std::exchange(file_, -1)) != 0 && flushed.ok()) {
    return fail("cannot close");
  }
  return flushed;
}

Status HistoryWriter::fail(const char* what) {
  error_ = system_error(what, path_).message;
  return Error{error_};
}

Result<History> read_history(const std::filesystem::path& path) {
  const std::string name = path.string();
  const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return system_error("cannot open", name);
  LineFeeder feeder(name);
  std::optional<Error> error;
  std::string block(HistoryWriter::kBlockBytes, '\0');
  while (!error) {
    const ssize_t got = ::read(file, block.data(), block.size());
    if (got == 0) break;
    if (got < 0) {
      if (errno != EINTR) error = system_error("cannot read", name);
      continue;
    }
    const Status fed =
        feeder.feed(std::string_view(block).substr(0, static_cast<std::size_t>(got)));
    if (!fed.ok()) error = fed.error();
  }
  ::close(file);
  if (error) return *std::move(error);
  return feeder.finish();
}

Result<History> parse_history(std::string_view text, const std::string& name) {
  LineFeeder feeder(name);
  if (const Status fed = feeder.feed(text); !fed.ok()) return fed.error();
  return feeder.finish();
}

}  // namespace ticketd::jepsen
