#include "store/lmdb_engine.h"

#include <utility>

#include "store/durable.h"
#include "store/log_table.h"
#include "store/record_walk.h"

namespace ticketd::store {
namespace {

/// What fails now can be read by nobody.
template <class Read>
auto or_fatal(Read read) {
  try {
    return read();
  } catch (const DatabaseError& error) {
    fatal(error.what());
  }
}

}  // namespace

LmdbEngine::LmdbEngine(const Environment& environment, const Tables& tables,
                       Checkpointer& checkpointer, std::string path)
    : environment_(environment),
      tables_(tables),
      checkpointer_(checkpointer),
      path_(std::move(path)),
      log_view_(environment),
      warm_view_(environment) {
  log_view_.reset();
  warm_view_.reset();
}

// --- Transactions --------------------------------------------------------------------------------

template <class Transaction>
auto LmdbEngine::unless_full(Transaction transaction) {
  try {
    return transaction();
  } catch (const DatabaseError& error) {
    if (is_full(error, path_)) {
      throw NoRoom(error.what());
    }
    fatal(error.what());
  }
}

Landed LmdbEngine::store(const Batch& batch) {
  return unless_full([&] { return checkpointer_.store(batch); });
}

Landed LmdbEngine::relieve() {
  return unless_full([&] { return checkpointer_.relieve(); });
}

Landed LmdbEngine::compact_backlog() {
  return unless_full([&] { return checkpointer_.compact_backlog(); });
}

bool LmdbEngine::clear_other_generation() {
  return unless_full([&] { return checkpointer_.clear_other_generation(); });
}

void LmdbEngine::load(const Records& records) {
  unless_full([&] { checkpointer_.load(records); });
}

// --- Reading -------------------------------------------------------------------------------------

LogRead LmdbEngine::read_log(raft::Index from, raft::Index to, std::size_t max_bytes) {
  log_view_.renew();
  const MetaRecord record = read_record(log_view_, tables_);
  LogRead read{record.compacted.index, record.last_index,
               read_entries(log_view_, tables_, record, from, to, max_bytes)};
  log_view_.reset();
  return read;
}

void LmdbEngine::page_in(const std::vector<std::string>& keys,
                         const std::optional<ticket::ListRange>& range, std::uint64_t generation) {
  const Table state = tables_.state(generation);
  warm_view_.renew();
  for (const std::string& key : keys) {
    (void)warm_view_.get(state, key);  // looked at, which is all that it is for
  }
  if (range) {
    StoredWalk walk(warm_view_, state, *range);
    for (std::size_t i = 0; i < range->limit && walk.more(); ++i) {
      walk.next();
    }
  }
  warm_view_.reset();  // not kept for longer than one call takes
}

std::unique_ptr<StateView> LmdbEngine::view(std::uint64_t generation) {
  return std::make_unique<LmdbStateView>(environment_, tables_, generation);
}

std::optional<std::string_view> LmdbStateView::get(std::string_view key) const {
  return or_fatal([&] { return view_.get(tables_.state(generation_), key); });
}

std::unique_ptr<RecordWalk> LmdbStateView::walk(const ticket::ListRange& range) const {
  return or_fatal([&]() -> std::unique_ptr<RecordWalk> {
    return std::make_unique<StoredWalk>(view_, tables_.state(generation_), range);
  });
}

void LmdbStateView::renew(std::uint64_t generation) {
  generation_ = generation;
  view_.renew();
}

}  // namespace ticketd::store
