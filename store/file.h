// Files as the store uses them: whole reads and writes at offsets, errors with names in them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ticketd::store {

/// A file that is read and written at offsets: all that the journal asks of a disk, so that a
/// simulated one can stand in. One thread at a time for writes; reads from any.
class BlockFile {
 public:
  virtual ~BlockFile() = default;
  /// For messages.
  virtual const std::string& name() const = 0;
  virtual std::uint64_t size() const = 0;
  /// All of `out`, or an error (also when the file ends before).
  virtual Status read(std::uint64_t offset, std::span<char> out) const = 0;
  /// All of `bytes`, or an error: then any part of them may have been written.
  virtual Status write(std::uint64_t offset, std::string_view bytes) = 0;
  /// Everything written before is durable afterwards. After an error nothing is known.
  virtual Status sync() = 0;
};

/// A file of the operating system.
class File : public BlockFile {
 public:
  enum class Mode { kRead, kReadWrite, kCreate };

  /// kCreate makes an empty file, in place of any that is there.
  static Result<File> open(const std::string& path, Mode mode);

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File() override;

  const std::string& name() const override { return path_; }
  std::uint64_t size() const override;
  Status read(std::uint64_t offset, std::span<char> out) const override;
  Status write(std::uint64_t offset, std::string_view bytes) override;
  Status sync() override;

 private:
  File(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Error failed(const char* what, int error) const;

  std::string path_;
  int descriptor_ = -1;
};

/// Makes created, renamed and removed names in it durable.
Status sync_directory(const std::string& path);
bool exists(const std::string& path);
/// Also fine when there is none.
Status remove_file(const std::string& path);
Status rename_file(const std::string& from, const std::string& to);
/// Names of the files in it; empty when it cannot be read.
std::vector<std::string> list_directory(const std::string& path);

struct DiskSpace {
  std::uint64_t available_bytes = 0;
  std::uint64_t total_bytes = 0;
};
/// None: the file system does not tell.
std::optional<DiskSpace> disk_space(const std::string& path);

/// Names the kernel that runs now, since it was started; empty: it does not tell.
std::string running_boot();

/// "cannot WHAT PATH: REASON"
Error system_error(std::string_view what, std::string_view path, int error);

}  // namespace ticketd::store
