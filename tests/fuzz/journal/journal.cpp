// A libFuzzer target: a journal with records anywhere, some of them damaged, through replay.
//
// An input: the mark (epoch, sequence, checkpoint, a byte each), the number of records, then for
// each the block where it stands, its header (a byte each), its payload's length and bytes; and
// then what is damaged. Hashes are right before that.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "store/journal.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/text_file.h"

namespace ticketd::store {
namespace {

constexpr JournalShape kShape{.id = 7, .half_bytes = 3 * kBlockBytes};
constexpr std::uint64_t kBlocks = 1 + 2 * kShape.half_bytes / kBlockBytes;
constexpr std::size_t kLengthOffset = kRecordHeaderBytes - 16;

std::string sealed_record(const RecordHeader& header, std::string_view payload) {
  std::string record = encode_record(header, {}).substr(0, kRecordHeaderBytes);
  put_u64(record, kLengthOffset, payload.size());
  record.append(payload);
  record.resize(round_up_to_block(record.size()));
  seal_record(record, kShape.id);
  return record;
}

void place_records(ByteReader& in, std::string& bytes) {
  for (std::size_t left = in.u8() % 8; left > 0 && in.remaining() > 0; --left) {
    const std::uint64_t block = 1 + in.u8() % (kBlocks - 1);
    RecordHeader header;
    header.epoch = in.u8();
    header.sequence = in.u8();
    header.checkpoint = in.u8();
    header.unflushed = static_cast<std::uint32_t>(header.sequence % 3);
    const std::uint16_t length = in.u16();
    const std::string record =
        sealed_record(header, in.bytes(std::min<std::size_t>(length, in.remaining())));
    const std::uint64_t offset = block * kBlockBytes;
    bytes.replace(offset, record.size(), record);
    bytes.resize(kShape.file_bytes());  // what stands beyond the end is not there
  }
}

/// As the directory's next opening would do.
void write_on(TextFile& file, const JournalMark& mark, const Replayed& replayed) {
  const JournalMark next{mark.epoch + 1, replayed.last_sequence, mark.checkpoint + 1};
  Journal journal(file, kShape, next.epoch, next.sequence + 1);
  raft::Save save;
  save.hard_state.emplace().current_term = raft::Term(9);
  Journal::Placed placed = journal.place(save, next.checkpoint);
  journal.write(placed);
  journal.flush();
  const Result<Replayed> again = replay_journal(file, kShape, next, Ending::kProcess);
  ENSURE(again.ok());
  ENSURE_EQ(again->saves.size(), 1);
  ENSURE(again->saves[0].hard_state == save.hard_state);
  ENSURE_EQ(again->last_sequence, next.sequence + 1);
}

/// Refused by name, or a sequence of saves after which the journal can be written on.
void check_replayed(TextFile& file, const JournalShape& shape, const JournalMark& mark,
                    Ending ending) {
  const Result<Replayed> replayed = replay_journal(file, shape, mark, ending);
  if (!replayed) {
    ENSURE(replayed.error().message.find(file.name()) != std::string::npos);
    return;
  }
  ENSURE_EQ(replayed->saves.size(), replayed->last_sequence - mark.sequence);
  for (const raft::Save& save : replayed->saves) {
    for (std::size_t i = 0; i < save.entries.size(); ++i) {
      ENSURE(save.entries[i].index == save.entries.front().index + i);
    }
  }
  write_on(file, mark, *replayed);
}

void replay(ByteReader& in) {
  const JournalMark mark{in.u8(), in.u8(), in.u8()};
  std::string bytes = encode_journal_header(kShape);
  bytes.resize(kShape.file_bytes());
  place_records(in, bytes);
  damage(in, bytes);
  TextFile file(bytes);
  const Result<JournalShape> shape = read_journal_shape(file);
  if (!shape) {
    ENSURE(!shape.error().message.empty());
    return;
  }
  ENSURE(*shape == kShape);
  for (const Ending ending : {Ending::kProcess, Ending::kPower}) {
    check_replayed(file, *shape, mark, ending);
  }
}

}  // namespace
}  // namespace ticketd::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ticketd::ByteReader in(ticketd::as_text(data, size));
  ticketd::store::replay(in);
  return 0;
}
