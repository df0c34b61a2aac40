#include "store/snapshot_format.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/schema.h"
#include "ticket/records.h"

namespace ticketd::store {
namespace {

constexpr std::uint64_t kFileMagic = 0x687370616e736b74;  // "tksnapsh"
constexpr std::uint32_t kBlockMagic = 0x6b6c626b;         // "kblk"
constexpr std::uint32_t kEndMagic = 0x646e656b;           // "kend"
constexpr std::size_t kPrologueBytes = 16;                // magic, version, header bytes
constexpr std::size_t kHeaderBytesMax = 1 << 20;
constexpr std::size_t kBlockHeaderBytes = 24;
constexpr std::size_t kTrailerBytes = 48;
/// A block is written when its payload has reached this.
constexpr std::size_t kBlockPayloadBytes = 64 << 10;
constexpr std::size_t kBlockPayloadBytesMax = kBlockPayloadBytes + 1024;
static_assert(ticket::kMaxRecordKeyBytes + ticket::kMaxRecordValueBytes + 2 * kVarintBytesMax <=
              kBlockPayloadBytesMax - kBlockPayloadBytes);

std::string encode_header(const SnapshotHeader& header) {
  ByteWriter body;
  body.u64(header.file_id);
  body.u64(header.chain);
  write_summary(body, header.state.summary);
  body.bytes(encode_configuration(header.state.configuration));
  ByteWriter out;
  out.u64(kFileMagic);
  out.u32(kSnapshotVersion);
  out.u32(static_cast<std::uint32_t>(kPrologueBytes + body.size() + 8));
  out.bytes(body.view());
  out.u64(hash64(out.view()));
  return out.take();
}

/// Without the prologue, which was read before, and without the hash.
Result<SnapshotHeader> decode_body(std::string_view bytes) {
  ByteReader in(bytes);
  SnapshotHeader header;
  header.file_id = in.u64();
  header.chain = in.u64();
  read_summary(in, header.state.summary);
  if (!in.ok()) {
    return Error{"a header of no known form"};
  }
  Result<raft::ConfigurationAt> configuration = decode_configuration(in.bytes(in.remaining()));
  if (!configuration) {
    return configuration.error();
  }
  header.state.configuration = *std::move(configuration);
  if (header.state.configuration.index > header.state.summary.applied_index) {
    return Error{"a configuration from after its end"};
  }
  return header;
}

}  // namespace

SnapshotWriter::SnapshotWriter(BlockFile& file, const SnapshotHeader& header)
    : file_(file), pending_header_(encode_header(header)) {}

Status SnapshotWriter::write(std::string_view bytes) {
  Status written = file_.write(offset_, bytes);
  offset_ += bytes.size();
  return written;
}

Status SnapshotWriter::add(std::string_view key, std::string_view value) {
  ByteWriter out;
  out.string(key);
  out.string(value);
  payload_.append(out.view());
  ++payload_records_;
  ++records_;
  return payload_.size() < kBlockPayloadBytes ? Status() : write_block();
}

Status SnapshotWriter::write_block() {
  if (!pending_header_.empty()) {
    hash_ = hash64(pending_header_, hash_);
    if (Status written = write(pending_header_); !written) {
      return written;
    }
    pending_header_.clear();
  }
  if (payload_records_ == 0) {
    return {};
  }
  ByteWriter out;
  out.u32(kBlockMagic);
  out.u32(static_cast<std::uint32_t>(payload_.size()));
  out.u32(payload_records_);
  out.u32(0);
  out.u64(hash64(payload_, blocks_));
  out.bytes(payload_);
  payload_.clear();
  payload_records_ = 0;
  ++blocks_;
  hash_ = hash64(out.view(), hash_);
  return write(out.view());
}

Status SnapshotWriter::finish() {
  if (Status written = write_block(); !written) {
    return written;
  }
  ByteWriter out;
  out.u32(kEndMagic);
  out.u32(0);
  out.u64(blocks_);
  out.u64(records_);
  out.u64(offset_ + kTrailerBytes);
  out.u64(hash_);
  out.u64(hash64(out.view()));
  ENSURE_EQ(out.size(), kTrailerBytes);
  return write(out.view());
}

Error SnapshotReader::bad(const std::string& what) const {
  return Error{"the snapshot " + file_->name() + " has " + what + " at byte " +
               std::to_string(offset_)};
}

Result<SnapshotReader> SnapshotReader::open(const BlockFile& file) {
  SnapshotReader reader(file);
  std::string bytes(kPrologueBytes, '\0');
  if (Status read = file.read(0, bytes); !read) {
    return read.error();
  }
  ByteReader prologue(bytes);
  const std::uint64_t magic = prologue.u64();
  const std::uint32_t version = prologue.u32();
  const std::size_t length = prologue.u32();
  if (magic != kFileMagic || version == 0 || length < kPrologueBytes + 8 ||
      length > kHeaderBytesMax) {
    return reader.bad("no known beginning");
  }
  if (version < kSnapshotVersion) {
    return reader.bad("format version " + std::to_string(version) +
                      ", which only a pre-release of ticketd wrote,");
  }
  if (version > kSnapshotVersion) {
    return reader.bad("format version " + std::to_string(version) + ", newer than this program,");
  }
  bytes.resize(length);
  if (Status read = file.read(0, bytes); !read) {
    return read.error();
  }
  const std::string_view hashed = std::string_view(bytes).substr(0, length - 8);
  if (ByteReader(std::string_view(bytes).substr(length - 8)).u64() != hash64(hashed)) {
    return reader.bad("a header that does not match its hash");
  }
  Result<SnapshotHeader> header = decode_body(hashed.substr(kPrologueBytes));
  if (!header) {
    return reader.bad(header.error().message);
  }
  reader.header_ = *std::move(header);
  reader.hash_ = hash64(bytes);
  reader.offset_ = length;
  return reader;
}

Result<Records> SnapshotReader::next() {
  std::string head(kBlockHeaderBytes, '\0');
  if (Status read = file_->read(offset_, head); !read) {
    return read.error();
  }
  ByteReader in(head);
  const std::uint32_t magic = in.u32();
  if (magic == kEndMagic) {
    if (Status end = check_end(); !end) {
      return end.error();
    }
    return Records();
  }
  const std::uint32_t payload_bytes = in.u32();
  const std::uint32_t records = in.u32();
  in.u32();
  const std::uint64_t hash = in.u64();
  if (magic != kBlockMagic || payload_bytes > kBlockPayloadBytesMax || records == 0) {
    return bad("a block of no known form");
  }
  return read_block(payload_bytes, records, hash);
}

Result<Records> SnapshotReader::read_block(std::uint32_t payload_bytes, std::uint32_t records,
                                           std::uint64_t hash) {
  std::string block(kBlockHeaderBytes + payload_bytes, '\0');
  if (Status read = file_->read(offset_, block); !read) {
    return read.error();
  }
  const std::string_view payload = std::string_view(block).substr(kBlockHeaderBytes);
  if (hash != hash64(payload, blocks_)) {
    return bad("a block that does not match its hash");
  }
  Records found;
  ByteReader in(payload);
  for (std::uint32_t i = 0; i < records && in.ok(); ++i) {
    std::string key(in.string(ticket::kMaxRecordKeyBytes));
    std::string value(in.string(ticket::kMaxRecordValueBytes));
    if (key <= last_key_) {  // no key is empty
      return bad("records out of order");
    }
    if (!check_.add(key, value)) {
      return bad("a record of no known form");
    }
    last_key_ = key;
    found.push_back({std::move(key), std::move(value)});
  }
  if (!in.at_end()) {
    return bad("a block of no known form");
  }
  ++blocks_;
  hash_ = hash64(block, hash_);
  offset_ += block.size();
  return found;
}

Status SnapshotReader::check_end() const {
  std::string trailer(kTrailerBytes, '\0');
  if (Status read = file_->read(offset_, trailer); !read) {
    return read.error();
  }
  ByteReader in(trailer);
  in.u64();
  const std::uint64_t blocks = in.u64();
  const std::uint64_t records = in.u64();
  const std::uint64_t bytes = in.u64();
  const std::uint64_t hash = in.u64();
  if (in.u64() != hash64(std::string_view(trailer).substr(0, kTrailerBytes - 8)) ||
      blocks != blocks_ || records != check_.records() || bytes != file_->size() ||
      bytes != offset_ + kTrailerBytes || hash != hash_) {
    return bad("a trailer that does not match the file");
  }
  const Status matches = check_.matches(header_.state.summary);
  return matches ? Status()
                 : bad("records that are not those of its header: " + matches.error().message);
}

Status SnapshotReader::check_trailer() const {
  const std::uint64_t size = file_->size();
  std::string trailer(kTrailerBytes, '\0');
  if (size < kTrailerBytes) {
    return bad("no trailer");
  }
  if (Status read = file_->read(size - kTrailerBytes, trailer); !read) {
    return read.error();
  }
  ByteReader in(trailer);
  const std::uint64_t magic = in.u32();
  in.u32();
  in.u64();
  const std::uint64_t records = in.u64();
  const std::uint64_t bytes = in.u64();
  in.u64();
  if (in.u64() != hash64(std::string_view(trailer).substr(0, kTrailerBytes - 8)) ||
      magic != kEndMagic || bytes != size || records != header_.state.summary.records()) {
    return bad("a trailer that does not match the file");
  }
  return {};
}

}  // namespace ticketd::store
