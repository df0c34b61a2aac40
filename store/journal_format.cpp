#include "store/journal_format.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"

namespace ticketd::store {
namespace {

constexpr std::uint64_t kFileMagic = 0x6c6e72756f6a6b74;    // "tkjournl"
constexpr std::uint64_t kRecordMagic = 0x64726f6365726b74;  // "tkrecord"
constexpr std::uint64_t kFileHeaderBytes = 40;
constexpr std::size_t kChecksumOffset = kRecordHeaderBytes - 8;

constexpr std::uint8_t kHasHardState = 1;
constexpr std::uint8_t kHasEntries = 2;
constexpr std::uint64_t kSaveFixedBytes = 1 + 33 + 8 + 8;
constexpr std::uint64_t kEntryFixedBytes = 8 + 1 + 4;
constexpr std::size_t kPayloadBytesMax = std::size_t{1} << 31;

std::uint64_t record_hash64(std::string_view header, std::string_view payload, std::uint64_t id) {
  return hash64(payload, hash64(header.substr(0, kChecksumOffset), id));
}

void write_hard_state(ByteWriter& out, const raft::HardState& state) {
  out.u64(state.current_term.value);
  out.u8(state.has_voted ? 1 : 0);
  out.u64(state.voted_for.node.value);
  out.u64(state.voted_for.incarnation.value);
  out.u64(state.commit_index.value);
}

raft::HardState read_hard_state(ByteReader& in) {
  raft::HardState state;
  state.current_term = raft::Term(in.u64());
  state.has_voted = in.u8() != 0;
  state.voted_for.node = raft::NodeId(in.u64());
  state.voted_for.incarnation = raft::Incarnation(in.u64());
  state.commit_index = raft::Index(in.u64());
  return state;
}

raft::Entries read_entries(ByteReader& in) {
  raft::Entries entries;
  raft::Index index(in.u64());
  const std::uint64_t count = in.u64();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    raft::Entry entry;
    entry.index = index;
    entry.term = raft::Term(in.u64());
    const std::uint8_t type = in.u8();
    if (type > static_cast<std::uint8_t>(raft::EntryType::kConfiguration)) {
      in.fail();
    }
    entry.type = static_cast<raft::EntryType>(type);
    entry.payload = raft::Payload(std::string(in.bytes(in.u32())));
    entries.push_back(std::move(entry));
    ++index;
  }
  return entries;
}

struct SealedHeader {
  RecordHeader header;
  std::uint64_t checksum = 0;
};

std::optional<SealedHeader> read_header(std::string_view bytes) {
  ByteReader in(bytes);
  const std::uint64_t magic = in.u64();
  const std::uint32_t version = in.u32();
  SealedHeader sealed;
  sealed.header.unflushed = in.u32();
  sealed.header.epoch = in.u64();
  sealed.header.sequence = in.u64();
  sealed.header.checkpoint = in.u64();
  sealed.header.payload_bytes = in.u64();
  sealed.checksum = in.u64();
  if (!in.ok() || magic != kRecordMagic || version != kJournalVersion) {
    return std::nullopt;
  }
  return sealed;
}

}  // namespace

std::string encode_journal_header(const JournalShape& shape) {
  ByteWriter out;
  out.u64(kFileMagic);
  out.u32(kJournalVersion);
  out.u32(0);
  out.u64(shape.id);
  out.u64(shape.half_bytes);
  out.u64(hash64(out.view()));
  ENSURE_EQ(out.size(), kFileHeaderBytes);
  std::string block = out.take();
  block.resize(kBlockBytes);
  return block;
}

bool begins_as_journal(std::string_view bytes) { return ByteReader(bytes).u64() == kFileMagic; }

Result<JournalShape> decode_journal_header(std::string_view block) {
  ByteReader in(block);
  const std::uint64_t magic = in.u64();
  const std::uint32_t version = in.u32();
  in.u32();
  JournalShape shape;
  shape.id = in.u64();
  shape.half_bytes = in.u64();
  const std::uint64_t checksum = in.u64();
  if (!in.ok() || magic != kFileMagic) {
    return Error{"it does not begin as a journal does"};
  }
  if (version > kJournalVersion) {
    return Error{"it is of version " + std::to_string(version) + ", and this program knows up to " +
                 std::to_string(kJournalVersion) + ": start the newer ticketd that wrote it"};
  }
  if (checksum != hash64(block.substr(0, kFileHeaderBytes - 8)) ||
      shape.half_bytes % kBlockBytes != 0) {
    return Error{"the header in its first block does not match its hash"};
  }
  return shape;
}

std::uint64_t record_bytes_bound(const raft::Save& save) {
  std::uint64_t bytes = kRecordHeaderBytes + kSaveFixedBytes;
  for (const raft::Entry& entry : save.entries) {
    bytes += kEntryFixedBytes + entry.payload.size();
  }
  return round_up_to_block(bytes);
}

std::string encode_record(RecordHeader header, const raft::Save& save, std::string room) {
  ByteWriter out(std::move(room));
  out.reserve(record_bytes_bound(save));
  out.u64(kRecordMagic);
  out.u32(kJournalVersion);
  out.u32(header.unflushed);
  out.u64(header.epoch);
  out.u64(header.sequence);
  out.u64(header.checkpoint);
  const std::size_t length_offset = out.size();
  out.u64(0);
  out.u64(0);
  ENSURE_EQ(out.size(), kRecordHeaderBytes);
  out.u8(static_cast<std::uint8_t>((save.hard_state ? kHasHardState : 0) |
                                   (save.entries.empty() ? 0 : kHasEntries)));
  if (save.hard_state) {
    write_hard_state(out, *save.hard_state);
  }
  if (!save.entries.empty()) {
    out.u64(save.entries.front().index.value);
    out.u64(save.entries.size());
    for (const raft::Entry& entry : save.entries) {
      ENSURE_LT(entry.payload.size(), kPayloadBytesMax);
      out.u64(entry.term.value);
      out.u8(static_cast<std::uint8_t>(entry.type));
      out.u32(static_cast<std::uint32_t>(entry.payload.size()));
      out.bytes(entry.payload.view());
    }
  }
  ByteWriter length;
  length.u64(out.size() - kRecordHeaderBytes);
  std::string record = out.take();
  record.replace(length_offset, 8, length.view());
  record.resize(round_up_to_block(record.size()));
  return record;
}

void seal_record(std::string& record, std::uint64_t journal_id) {
  ByteReader in(std::string_view(record).substr(kChecksumOffset - 8));
  const std::uint64_t payload_bytes = in.u64();
  ByteWriter checksum;
  checksum.u64(record_hash64(
      record, std::string_view(record).substr(kRecordHeaderBytes, payload_bytes), journal_id));
  record.replace(kChecksumOffset, 8, checksum.view());
}

std::uint64_t claimed_file_bytes(std::string_view bytes) {
  const std::optional<SealedHeader> sealed = read_header(bytes);
  return sealed ? Record{sealed->header, {}}.file_bytes() : 0;
}

std::optional<Record> find_record(std::string_view bytes, std::uint64_t journal_id) {
  const std::optional<SealedHeader> sealed = read_header(bytes);
  if (!sealed || sealed->header.payload_bytes > bytes.size() - kRecordHeaderBytes) {
    return std::nullopt;
  }
  const std::string_view payload = bytes.substr(kRecordHeaderBytes, sealed->header.payload_bytes);
  if (sealed->checksum != record_hash64(bytes, payload, journal_id)) {
    return std::nullopt;
  }
  return Record{sealed->header, payload};
}

std::optional<raft::Save> decode_save(std::string_view payload) {
  ByteReader in(payload);
  raft::Save save;
  const std::uint8_t flags = in.u8();
  if ((flags & kHasHardState) != 0) {
    save.hard_state = read_hard_state(in);
  }
  if ((flags & kHasEntries) != 0) {
    save.entries = read_entries(in);
  }
  if (!in.at_end()) {
    return std::nullopt;
  }
  return save;
}

}  // namespace ticketd::store
