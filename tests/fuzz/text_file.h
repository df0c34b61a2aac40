// A file in memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "store/file.h"

namespace ticketd::store {

class TextFile : public BlockFile {
 public:
  explicit TextFile(std::string bytes = {}) : bytes_(std::move(bytes)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return bytes_.size(); }
  Status read(std::uint64_t offset, std::span<char> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return Error{"the file ends before"};
    }
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }
  Status write(std::uint64_t offset, std::string_view bytes) override {
    bytes_.resize(std::max<std::size_t>(bytes_.size(), offset + bytes.size()));
    bytes_.replace(offset, bytes.size(), bytes);
    return {};
  }
  Status sync() override { return {}; }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string name_ = "file";
  std::string bytes_;
};

}  // namespace ticketd::store
