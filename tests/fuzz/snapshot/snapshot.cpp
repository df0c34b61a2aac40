// A libFuzzer target: a snapshot on its way to a member. Its file, from anybody, through the reader;
// and its pieces, in any order and from several files, through staging.
//
// The first byte of an input says what: 0, a file as it is; 1, one whose hashes are put right; 2,
// pieces: an offset, a length and a kind for each.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "store/snapshot_format.h"
#include "store/staging.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/text_file.h"
#include "ticket/records.h"

namespace ticketd::store {
namespace {

constexpr std::uint32_t kBlockMagic = 0x6b6c626b;
constexpr std::size_t kPrologueBytes = 16, kBlockHeaderBytes = 24, kTrailerBytes = 48;
constexpr std::size_t kDigestOffset = kPrologueBytes + 32, kBeginningOffset = kDigestOffset + 40;

std::uint64_t u64_at(std::string_view bytes, std::size_t offset) {
  return ByteReader(bytes.substr(offset)).u64();
}

std::uint32_t u32_at(std::string_view bytes, std::size_t offset) {
  return ByteReader(bytes.substr(offset)).u32();
}

/// What a header and a trailer say of the blocks between them.
struct Sums {
  std::uint64_t blocks = 0;
  std::uint64_t records = 0;
  std::uint64_t digest = 0;

  void add(std::string_view payload) {
    ByteReader in(payload);
    ++blocks;
    while (in.remaining() > 0 && in.ok()) {
      const std::string_view key = in.string(ticket::kMaxRecordKeyBytes);
      digest += ticket::record_hash(key, in.string(ticket::kMaxRecordValueBytes));
      ++records;
    }
  }
};

/// Puts the blocks' hashes right. Returns where the trailer should begin.
std::size_t mend_blocks(std::string& bytes, std::size_t at, Sums& sums) {
  while (at + kBlockHeaderBytes <= bytes.size() && u32_at(bytes, at) == kBlockMagic) {
    const std::size_t length = u32_at(bytes, at + 4);
    if (length > bytes.size() - at - kBlockHeaderBytes) {
      break;
    }
    const std::string_view payload =
        std::string_view(bytes).substr(at + kBlockHeaderBytes, length);
    put_u64(bytes, at + 16, hash64(payload, sums.blocks));
    sums.add(payload);
    at += kBlockHeaderBytes + length;
  }
  return at;
}

/// The hash over header and blocks, as the reader computes it.
std::uint64_t hash_until(std::string_view bytes, std::size_t header, std::size_t end) {
  std::uint64_t hash = hash64(bytes.substr(0, header));
  for (std::size_t at = header; at < end;) {
    const std::size_t length = kBlockHeaderBytes + u32_at(bytes, at + 4);
    hash = hash64(bytes.substr(at, length), hash);
    at += length;
  }
  return hash;
}

/// Puts hashes, digest and counts right of everything that stands where it should.
void mend(std::string& bytes) {
  const std::size_t header = bytes.size() < kPrologueBytes ? 0 : u32_at(bytes, 12);
  if (header < kBeginningOffset + 16 || header > bytes.size()) {
    return;
  }
  Sums sums;
  const std::size_t end = mend_blocks(bytes, header, sums);
  const std::uint64_t beginning = u64_at(bytes, kBeginningOffset);
  put_u64(bytes, kDigestOffset, sums.digest + ticket::beginning_hash(beginning));
  put_u64(bytes, header - 8, hash64(std::string_view(bytes).substr(0, header - 8)));
  if (end + kTrailerBytes == bytes.size()) {
    put_u64(bytes, end + 8, sums.blocks);
    put_u64(bytes, end + 16, sums.records);
    put_u64(bytes, end + 24, bytes.size());
    put_u64(bytes, end + 32, hash_until(bytes, header, end));
    put_u64(bytes, end + 40, hash64(std::string_view(bytes).substr(end, kTrailerBytes - 8)));
  }
}

struct Content {
  SnapshotHeader header;
  Records records;
};

/// All of the file, or an error.
Result<Content> read_all(const TextFile& file) {
  Result<SnapshotReader> reader = SnapshotReader::open(file);
  if (!reader) {
    return reader.error();
  }
  Content content{reader->header(), {}};
  while (true) {
    Result<Records> records = reader->next();
    if (!records) {
      return records.error();
    }
    if (records->empty()) {
      return content;
    }
    for (auto& record : *records) {
      content.records.push_back(std::move(record));
    }
  }
}

std::string written(const Content& content) {
  TextFile file;
  SnapshotWriter writer(file, content.header);
  for (const auto& record : content.records) {
    ENSURE(writer.add(record.key, record.value).ok());
  }
  ENSURE(writer.finish().ok());
  return file.bytes();
}

void read_file(std::string bytes) {
  const TextFile file(std::move(bytes));
  const Result<Content> content = read_all(file);
  if (!content) {
    ENSURE(content.error().message.size() > 0);
    return;
  }
  // What was taken says the same when this node writes it for the next one.
  const TextFile copy(written(*content));
  const Result<Content> again = read_all(copy);
  ENSURE(again.ok());
  ENSURE(again->header.state.summary == content->header.state.summary);
  ENSURE_EQ(again->records.size(), content->records.size());
}

// --- Pieces --------------------------------------------------------------------------------------

/// In memory where there is such a place; gone when the process ends.
class Scratch {
 public:
  Scratch() {
    std::string pattern =
        (std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp") + std::string("/fuzz-XXXXXX");
    ENSURE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A small snapshot of nothing but its header.
const std::string& whole_file() {
  static const std::string bytes = [] {
    Content content;
    content.header.file_id = 5;
    content.header.state.summary.applied_index = raft::Index(3);
    content.header.state.summary.applied_term = raft::Term(2);
    return written(content);
  }();
  return bytes;
}

void stage_pieces(ByteReader in) {
  static const Scratch scratch;
  const std::string& file = whole_file();
  const raft::SnapshotMark mark{raft::Index(3), raft::Term(2)};
  Staging staging({.path = scratch.path(), .spare_bytes = 0});
  // What the receiver holds, of which file, and whether its bytes are right.
  std::uint64_t held = 0;
  std::uint64_t file_id = 0;
  bool right = true;
  while (in.remaining() >= 3) {
    const std::uint8_t kind = in.u8();
    raft::SnapshotChunk chunk{.mark = mark,
                              .file_id = std::uint64_t{5} + (kind & 1U),
                              .total_bytes = file.size(),
                              .offset = in.u8() % (file.size() + 1),
                              .data = {}};
    std::string data = file.substr(chunk.offset, in.u8());
    const bool damaged = (kind & 2U) != 0 && !data.empty();
    if (damaged) {
      data[0] = static_cast<char>(data[0] ^ 1);
    }
    chunk.data = raft::Payload(data);
    if (file_id != chunk.file_id || (chunk.offset == 0 && held > 0)) {
      if (chunk.offset != 0) {
        ENSURE_EQ(staging.stage(chunk), 0);
        continue;
      }
      file_id = chunk.file_id;
      held = 0;
      right = true;
    }
    if (chunk.offset == held) {
      held += data.size();
      right = right && !damaged;
    }
    ENSURE_EQ(staging.stage(chunk), held);
  }
  ENSURE(!staging.finish({raft::Index(4), raft::Term(2)}).ok());
  ENSURE_EQ(staging.finish(mark).ok(), held == file.size() && right);
  ENSURE(staging.clean().ok());
}

}  // namespace
}  // namespace ticketd::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ticketd;
  if (size == 0) {
    return 0;
  }
  std::string bytes(as_text(data + 1, size - 1));
  switch (data[0] % 3) {
    case 1:
      store::mend(bytes);
      [[fallthrough]];
    case 0:
      store::read_file(std::move(bytes));
      break;
    default:
      store::stage_pieces(ByteReader(bytes));
  }
  return 0;
}
