// What a journal adds to the database beside it, after a crash: found without LMDB, so that the
// simulator comes back in the same way.
#pragma once

#include "base/result.h"
#include "store/batch.h"
#include "store/journal.h"
#include "store/meta_record.h"

namespace ticketd::store {

struct Recovered {
  JournalShape shape;
  /// To be stored before anything else is: with it the database holds all that was acknowledged.
  /// It begins a new epoch, so that no record in the file can be taken for one to come.
  Batch batch;
};

/// Error: the journal is damaged, of another directory, or does not go with `record`; it names the
/// file and what is wrong.
Result<Recovered> recover(const BlockFile& journal, const MetaRecord& record, Ending ending);

}  // namespace ticketd::store
