// The journal: what makes a save durable with one write and one flush.
//
// Its file has two halves. Records go to one of them; a checkpoint that moves them into LMDB begins
// by turning to the other half, and gives the first back when it has landed. So the journal's size
// is fixed, and a save waits only when the disk takes longer for a checkpoint than for filling a
// half. All blocks are written once when the file is made: afterwards a flush has no metadata to
// write.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "raft/ready.h"
#include "store/file.h"
#include "store/journal_format.h"

namespace ticketd::store {

/// Up to where LMDB holds what the journal held.
struct JournalMark {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  /// How many checkpoints LMDB holds.
  std::uint64_t checkpoint = 0;

  bool operator==(const JournalMark&) const = default;
};

/// Writes all of an empty file: header and zeros, and syncs it.
Status create_journal(BlockFile& file, const JournalShape& shape);

/// Error: damage, named.
Result<JournalShape> read_journal_shape(const BlockFile& file);

struct Replayed {
  /// In the order in which they were made durable.
  std::vector<raft::Save> saves;
  std::uint64_t last_sequence = 0;
};

/// How the last process that wrote the file came to its end.
enum class Ending {
  /// Everything that it wrote is in the file, flushed or not.
  kProcess,
  /// With the machine: of what was not flushed, any part may be missing.
  kPower,
};

/// The records of this epoch after `mark`. A bad record that no valid one follows is the torn tail
/// of a write that was never acknowledged, and is dropped. One that a later record follows had been
/// acknowledged: with kPower, and if no record says that it was flushed, it ends the journal, and
/// otherwise it is damage: an error that names file and offset.
Result<Replayed> replay_journal(const BlockFile& file, const JournalShape& shape,
                                const JournalMark& mark, Ending ending);

/// Where the next record goes. write() and flush() on any one thread, all else on another one.
class Journal {
 public:
  /// `next_sequence` and `epoch` such that no record in the file has both.
  Journal(BlockFile& file, JournalShape shape, std::uint64_t epoch, std::uint64_t next_sequence);

  struct Placed {
    std::uint64_t offset = 0;
    std::string record;
  };

  /// Could it ever be journaled?
  bool can_hold(const raft::Save& save) const;
  /// Is there room for it in this half now?
  bool fits(const raft::Save& save) const;
  /// Gives it the next sequence number and place. Requires fits().
  Placed place(const raft::Save& save, std::uint64_t checkpoint);
  /// Takes back the memory of a record that was written, for the next one, unless that is a lot.
  void reuse(std::string record);

  /// Is the other half free?
  bool can_turn() const { return !other_taken_; }
  /// Later records go to the other half; this one is taken until give_back(). Requires can_turn().
  void turn();
  /// The taken half's records are in LMDB.
  void give_back();

  std::uint64_t bytes_in_half() const { return used_; }
  std::uint64_t last_sequence() const { return next_sequence_ - 1; }
  std::uint64_t epoch() const { return epoch_; }

  /// Handed to the operating system when it returns: a crash of this process does not lose it. A
  /// failure is fatal(). Records in the order of place(), each before the next is placed.
  void write(Placed& placed);
  /// Everything written is durable when it returns; a failure is fatal().
  void flush();
  /// A flush that began when the record with this sequence number had been written has ended, or the
  /// database holds all records up to it.
  void flushed(std::uint64_t sequence) { flushed_ = std::max(flushed_, sequence); }
  bool has_unflushed() const { return flushed_ < last_sequence(); }

 private:
  BlockFile& file_;
  const JournalShape shape_;
  const std::uint64_t epoch_;
  std::uint64_t next_sequence_;
  std::uint64_t flushed_;  // a sequence number
  unsigned half_ = 0;
  std::uint64_t used_ = 0;  // bytes of the half, <= shape_.half_bytes
  bool other_taken_ = false;
  std::string room_;
};

}  // namespace ticketd::store
