// The bytes of the journal file. docs/storage.md describes them for readers of other languages.
//
//   block 0          file header: who it belongs to, how large a half is
//   half 0, half 1   records, each starting on a block of its own
//
// A record begins on a block boundary and is padded to the next one, so that writing a record never
// touches a block that an acknowledged one lies in: no torn write can harm what was promised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "raft/ready.h"

namespace ticketd::store {

inline constexpr std::uint64_t kBlockBytes = 4096;
inline constexpr std::uint32_t kJournalVersion = 1;

constexpr std::uint64_t round_up_to_block(std::uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

struct JournalShape {
  /// Random, also in LMDB's record: a journal of another directory is not taken for ours. Seeds
  /// every checksum, so that bytes which a client sent cannot look like a record.
  std::uint64_t id = 0;
  /// A multiple of kBlockBytes.
  std::uint64_t half_bytes = 0;

  std::uint64_t file_bytes() const { return kBlockBytes + 2 * half_bytes; }
  std::uint64_t half_start(unsigned half) const { return kBlockBytes + half * half_bytes; }
  bool operator==(const JournalShape&) const = default;
};

/// One block.
std::string encode_journal_header(const JournalShape& shape);
/// Does it begin as every journal does, whatever follows?
bool begins_as_journal(std::string_view bytes);
/// An error names what is wrong with it.
Result<JournalShape> decode_journal_header(std::string_view block);

struct RecordHeader {
  /// So many records before it were not known to be flushed when it was placed: a power cut may
  /// have taken those and left this one.
  std::uint32_t unflushed = 0;
  /// Counts openings of the directory: a record of an earlier one is never taken for a new one.
  std::uint64_t epoch = 0;
  /// Counts records, over all epochs, without a gap.
  std::uint64_t sequence = 0;
  /// How many checkpoints were in LMDB when this was written: LMDB must hold at least as many.
  std::uint64_t checkpoint = 0;
  std::uint64_t payload_bytes = 0;
};

inline constexpr std::uint64_t kRecordHeaderBytes = 56;

/// Header and payload padded to whole blocks; the checksum is left out. Written into the memory of
/// `room`.
std::string encode_record(RecordHeader header, const raft::Save& save, std::string room = {});
/// Puts the checksum in. Apart, so that a large record is not hashed on the loop's thread.
void seal_record(std::string& record, std::uint64_t journal_id);
/// How long encode_record's answer will be, at most kBlockBytes more than it is.
std::uint64_t record_bytes_bound(const raft::Save& save);

struct Record {
  RecordHeader header;
  std::string_view payload;

  std::uint64_t file_bytes() const {
    return round_up_to_block(kRecordHeaderBytes + header.payload_bytes);
  }
};

/// How long in the file a record says that it is, whose header `bytes` begins with; 0: it is none.
/// Nothing has vouched for that yet.
std::uint64_t claimed_file_bytes(std::string_view bytes);
/// The whole record that `bytes` begins with; none when there is none, or its hash does not match.
std::optional<Record> find_record(std::string_view bytes, std::uint64_t journal_id);
/// None: not the bytes of a save (though their hash matched).
std::optional<raft::Save> decode_save(std::string_view payload);

}  // namespace ticketd::store
