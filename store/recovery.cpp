#include "store/recovery.h"

#include <utility>
#include <vector>

namespace ticketd::store {
namespace {

/// The saves as one: later entries replace earlier ones.
Batch merge(std::vector<raft::Save> saves) {
  Batch batch;
  for (raft::Save& save : saves) {
    if (save.hard_state) {
      batch.hard_state = save.hard_state;
    }
    append_save(batch.entries, std::move(save.entries));
  }
  return batch;
}

/// Does it continue what the database holds?
bool fits(const Batch& batch, const MetaRecord& record) {
  const raft::HardState state = batch.hard_state.value_or(record.hard_state);
  if (state.current_term < record.hard_state.current_term) {
    return false;
  }
  return batch.entries.empty() || (batch.entries.front().index <= record.last_index + 1 &&
                                   batch.entries.front().index > record.summary.applied_index &&
                                   batch.entries.back().term <= state.current_term);
}

}  // namespace

Result<Recovered> recover(const BlockFile& journal, const MetaRecord& record, Ending ending) {
  Result<JournalShape> shape = read_journal_shape(journal);
  if (!shape) {
    return shape.error();
  }
  if (shape->id != record.journal_id) {
    return Error{"the journal " + journal.name() + " belongs to another directory"};
  }
  Result<Replayed> replayed = replay_journal(journal, *shape, record.journal, ending);
  if (!replayed) {
    return replayed.error();
  }
  Recovered recovered{*shape, merge(std::move(replayed->saves))};
  if (!fits(recovered.batch, record)) {
    return Error{"the journal " + journal.name() + " does not continue the database beside it"};
  }
  recovered.batch.journal_sequence = replayed->last_sequence;
  recovered.batch.journal_epoch = record.journal.epoch + 1;
  return recovered;
}

}  // namespace ticketd::store
