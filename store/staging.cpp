#include "store/staging.h"

#include "store/durable.h"
#include "store/layout.h"

namespace ticketd::store {

Status Staging::clean() {
  for (std::string_view name : {kIncomingFile, kInstallingFile}) {
    if (Status removed = remove_file(in_directory(options_.path, name)); !removed) {
      return removed;
    }
  }
  return {};
}

bool Staging::begin(const raft::SnapshotChunk& chunk) {
  file_ = std::nullopt;
  held_ = 0;
  const std::uint64_t available = disk_space(options_.path).value_or(DiskSpace{}).available_bytes;
  if (chunk.total_bytes > available || available - chunk.total_bytes < options_.spare_bytes) {
    return false;
  }
  durable_step("stage: create");
  Result<File> file = File::open(in_directory(options_.path, kIncomingFile), File::Mode::kCreate);
  if (!file) {
    return false;
  }
  file_ = *std::move(file);
  mark_ = chunk.mark;
  file_id_ = chunk.file_id;
  total_bytes_ = chunk.total_bytes;
  return true;
}

std::uint64_t Staging::stage(const raft::SnapshotChunk& chunk) {
  const bool same = file_.has_value() && chunk.mark == mark_ && chunk.file_id == file_id_ &&
                    chunk.total_bytes == total_bytes_;
  if (!same || (chunk.offset == 0 && held_ > 0)) {
    if (chunk.offset != 0 || !begin(chunk)) {
      return 0;
    }
  }
  const std::uint64_t bytes = chunk.data.size();
  if (chunk.offset != held_ || bytes > total_bytes_ - held_) {
    return held_;
  }
  durable_step("stage: write");
  // A full disk: the piece is not held, and will be sent again.
  if (file_->write(held_, chunk.data.view())) {
    held_ += bytes;
  }
  return held_;
}

Result<SnapshotHeader> Staging::finish(raft::SnapshotMark mark) {
  if (!file_ || mark != mark_ || held_ != total_bytes_) {
    return Error{"no whole snapshot of that mark was received"};
  }
  file_ = std::nullopt;
  held_ = 0;
  const std::string path = in_directory(options_.path, kInstallingFile);
  durable_step("install: rename");
  if (Status renamed = rename_file(in_directory(options_.path, kIncomingFile), path); !renamed) {
    return renamed.error();
  }
  const Result<File> file = File::open(path, File::Mode::kRead);
  if (!file) {
    return file.error();
  }
  Result<SnapshotReader> reader = SnapshotReader::open(*file);
  if (!reader) {
    return reader.error();
  }
  if (reader->header().mark() != mark) {
    return Error{"the snapshot received has another mark than it was sent for"};
  }
  while (true) {
    const Result<Records> records = reader->next();
    if (!records) {
      return records.error();
    }
    if (records->empty()) {
      return reader->header();
    }
  }
}

}  // namespace ticketd::store
