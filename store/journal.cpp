#include "store/journal.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "store/durable.h"

namespace ticketd::store {
namespace {

/// Memory of a record that is kept for the next one.
constexpr std::size_t kRoomMax = 64 << 10;

}  // namespace

Status create_journal(BlockFile& file, const JournalShape& shape) {
  ENSURE_GT(shape.half_bytes, 0);
  ENSURE_EQ(shape.half_bytes % kBlockBytes, 0);
  durable_step("journal: create");
  const std::string zeros(std::min<std::uint64_t>(shape.half_bytes, 1 << 20), '\0');
  std::uint64_t offset = kBlockBytes;
  while (offset < shape.file_bytes()) {
    const std::uint64_t count = std::min<std::uint64_t>(zeros.size(), shape.file_bytes() - offset);
    if (Status written = file.write(offset, std::string_view(zeros).substr(0, count)); !written) {
      return written;
    }
    offset += count;
  }
  if (Status written = file.write(0, encode_journal_header(shape)); !written) {
    return written;
  }
  return file.sync();
}

Result<JournalShape> read_journal_shape(const BlockFile& file) {
  std::string block(kBlockBytes, '\0');
  if (Status read = file.read(0, block); !read) {
    return read.error();
  }
  Result<JournalShape> shape = decode_journal_header(block);
  if (!shape) {
    return Error{"the journal " + file.name() + " is damaged: " + shape.error().message};
  }
  if (shape->half_bytes > file.size() || file.size() != shape->file_bytes()) {
    return Error{"the journal " + file.name() + " is damaged: it has " +
                 std::to_string(file.size()) + " bytes, its header says " +
                 std::to_string(shape->file_bytes())};
  }
  return shape;
}

Journal::Journal(BlockFile& file, JournalShape shape, std::uint64_t epoch,
                 std::uint64_t next_sequence)
    : file_(file),
      shape_(shape),
      epoch_(epoch),
      next_sequence_(next_sequence),
      flushed_(next_sequence - 1) {
  ENSURE_GT(next_sequence_, 0);
}

bool Journal::can_hold(const raft::Save& save) const {
  return record_bytes_bound(save) <= shape_.half_bytes;
}

bool Journal::fits(const raft::Save& save) const {
  return used_ + record_bytes_bound(save) <= shape_.half_bytes;
}

Journal::Placed Journal::place(const raft::Save& save, std::uint64_t checkpoint) {
  RecordHeader header;
  header.unflushed = static_cast<std::uint32_t>(last_sequence() - flushed_);
  header.epoch = epoch_;
  header.sequence = next_sequence_;
  header.checkpoint = checkpoint;
  Placed placed{shape_.half_start(half_) + used_, encode_record(header, save, std::move(room_))};
  ENSURE_LE(used_ + placed.record.size(), shape_.half_bytes);
  ++next_sequence_;
  used_ += placed.record.size();
  return placed;
}

void Journal::reuse(std::string record) {
  if (record.capacity() <= kRoomMax) {
    room_ = std::move(record);
  }
}

void Journal::turn() {
  ENSURE(can_turn());
  half_ = 1 - half_;
  used_ = 0;
  other_taken_ = true;
}

void Journal::give_back() {
  ENSURE(other_taken_);
  other_taken_ = false;
}

void Journal::write(Placed& placed) {
  seal_record(placed.record, shape_.id);
  durable_step("journal: write");
  if (Status written = file_.write(placed.offset, placed.record); !written) {
    fatal(written.error().message);
  }
}

void Journal::flush() {
  durable_step("journal: flush");
  if (Status synced = file_.sync(); !synced) {
    fatal(synced.error().message);
  }
}

}  // namespace ticketd::store
