// What the journal holds after a crash.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "store/journal.h"

namespace ticketd::store {
namespace {

struct Found {
  RecordHeader header;
  unsigned half = 0;
  std::uint64_t offset = 0;  // in the file
  std::uint64_t end = 0;
  std::string payload;  // only of those that the database has not
};

/// A part of the file, read through a window that moves on: memory that is touched for the first
/// time costs a start more than the reading does.
class Window {
 public:
  Window(const BlockFile& file, std::uint64_t start, std::uint64_t size)
      : file_(file), start_(start), size_(size) {}

  /// What stands at `at` in the part: so many bytes at least, or all that are left of it. They last
  /// until the next call.
  Result<std::string_view> from(std::uint64_t at, std::uint64_t bytes) {
    const std::uint64_t left = size_ - at;
    if (at < begin_ || at + std::min(bytes, left) > begin_ + held_.size()) {
      held_.resize(std::min(std::max(bytes, kWindowBytes), left));
      begin_ = at;
      if (Status read = file_.read(start_ + at, held_); !read) {
        return read.error();
      }
    }
    return std::string_view(held_).substr(at - begin_);
  }

 private:
  static constexpr std::uint64_t kWindowBytes = 256 * 1024;

  const BlockFile& file_;
  std::uint64_t start_;
  std::uint64_t size_;
  std::uint64_t begin_ = 0;
  std::string held_;
};

/// Adds every valid record in a half that is not of an earlier epoch, also behind bytes that are
/// none. What lies inside a valid record is not looked at.
Status find_records(const BlockFile& file, unsigned half, const JournalShape& shape,
                    const JournalMark& mark, std::vector<Found>& found) {
  const std::uint64_t start = shape.half_start(half);
  Window window(file, start, shape.half_bytes);
  std::uint64_t at = 0;
  while (at < shape.half_bytes) {
    Result<std::string_view> bytes = window.from(at, kBlockBytes);
    if (bytes) {
      bytes = window.from(at, claimed_file_bytes(*bytes));
    }
    if (!bytes) {
      return bytes.error();
    }
    const std::optional<Record> record = find_record(*bytes, shape.id);
    if (!record) {
      at += kBlockBytes;
      continue;
    }
    const std::uint64_t end = at + record->file_bytes();
    if (record->header.epoch >= mark.epoch) {
      const bool stored = record->header.sequence <= mark.sequence;
      found.push_back({record->header, half, start + at, start + end,
                       stored ? std::string() : std::string(record->payload)});
    }
    at = end;
  }
  return {};
}

Error damaged(const BlockFile& file, std::uint64_t offset, const std::string& what) {
  return Error{"the journal " + file.name() + " is damaged at byte " + std::to_string(offset) +
               ": " + what};
}

/// Where the record before `next` must have stood, `previous` being the last one before it that is
/// there.
std::uint64_t expected_offset(const JournalShape& shape, const Found* previous, const Found& next) {
  const std::uint64_t start = shape.half_start(next.half);
  if (next.offset > start && (previous == nullptr || previous->half != next.half)) {
    return start;
  }
  return previous == nullptr ? start : previous->end;
}

Error lost_checkpoints(const BlockFile& file, const Found& record, const JournalMark& mark) {
  return Error{"the database has lost checkpoints: the journal " + file.name() + " at byte " +
               std::to_string(record.offset) + " rests on number " +
               std::to_string(record.header.checkpoint) + " of epoch " +
               std::to_string(record.header.epoch) + ", the database stands at number " +
               std::to_string(mark.checkpoint) + " of epoch " + std::to_string(mark.epoch)};
}

/// Takes the record that follows all before it, or says what is wrong.
Status take(const BlockFile& file, const JournalShape& shape, const Found& record,
            const Found* previous, Replayed& replayed) {
  if (record.header.sequence != replayed.last_sequence + 1) {
    return damaged(file, expected_offset(shape, previous, record),
                   "record " + std::to_string(replayed.last_sequence + 1) +
                       " is missing or does not match its hash, though record " +
                       std::to_string(record.header.sequence) + " follows at byte " +
                       std::to_string(record.offset));
  }
  std::optional<raft::Save> save = decode_save(record.payload);
  if (!save) {
    return damaged(file, record.offset,
                   "record " + std::to_string(record.header.sequence) + " has no known form");
  }
  replayed.saves.push_back(std::move(*save));
  replayed.last_sequence = record.header.sequence;
  return {};
}

/// The last record that is known to have been flushed, of a power cut's survivors.
std::uint64_t last_flushed(const std::vector<Found>& found) {
  std::uint64_t flushed = 0;
  for (const Found& record : found) {
    flushed = std::max(flushed, record.header.sequence - 1 - record.header.unflushed);
  }
  return flushed;
}

}  // namespace

Result<Replayed> replay_journal(const BlockFile& file, const JournalShape& shape,
                                const JournalMark& mark, Ending ending) {
  std::vector<Found> found;
  for (unsigned half = 0; half < 2; ++half) {
    if (Status read = find_records(file, half, shape, mark, found); !read) {
      return read.error();
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.header.sequence < b.header.sequence; });

  const std::uint64_t flushed =
      ending == Ending::kPower ? last_flushed(found) : std::numeric_limits<std::uint64_t>::max();
  Replayed replayed;
  replayed.last_sequence = mark.sequence;
  const Found* previous = nullptr;
  for (const Found& record : found) {
    if (record.header.checkpoint > mark.checkpoint || record.header.epoch > mark.epoch) {
      return lost_checkpoints(file, record, mark);
    }
    const std::uint64_t next = replayed.last_sequence + 1;
    if (record.header.sequence > next && next > flushed) {
      break;
    }
    if (record.header.sequence > mark.sequence) {
      if (Status taken = take(file, shape, record, previous, replayed); !taken) {
        return taken.error();
      }
    }
    previous = &record;
  }
  return replayed;
}

}  // namespace ticketd::store
