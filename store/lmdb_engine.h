// The database of a real node: LMDB.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/checkpoint.h"
#include "store/database.h"
#include "store/engine.h"
#include "store/schema.h"

namespace ticketd::store {

class LmdbEngine final : public Engine {
 public:
  /// All that is given must outlive it. `path`: of the directory.
  LmdbEngine(const Environment& environment, const Tables& tables, Checkpointer& checkpointer,
             std::string path);

  Landed store(const Batch& batch) override;
  Landed relieve() override;
  Landed compact_backlog() override;
  bool clear_other_generation() override;
  void load(const Records& records) override;
  SpaceReport space() override { return checkpointer_.space(); }

  LogRead read_log(raft::Index from, raft::Index to, std::size_t max_bytes) override;
  /// Reads them under a transaction of its own and throws them away: their pages are in memory.
  void page_in(const std::vector<std::string>& keys, const std::optional<ticket::ListRange>& range,
               std::uint64_t generation) override;
  std::unique_ptr<StateView> view(std::uint64_t generation) override;

 private:
  template <class Transaction>
  auto unless_full(Transaction transaction);

  const Environment& environment_;
  const Tables tables_;
  Checkpointer& checkpointer_;
  const std::string path_;
  ReadTransaction log_view_;   // the reader's
  ReadTransaction warm_view_;  // the warmer's
};

/// The records of a generation's table.
class LmdbStateView final : public StateView {
 public:
  LmdbStateView(const Environment& environment, const Tables& tables, std::uint64_t generation)
      : view_(environment), tables_(tables), generation_(generation) {}

  std::optional<std::string_view> get(std::string_view key) const override;
  std::unique_ptr<RecordWalk> walk(const ticket::ListRange& range) const override;
  void renew(std::uint64_t generation) override;

 private:
  ReadTransaction view_;
  const Tables tables_;
  std::uint64_t generation_;
};

}  // namespace ticketd::store
