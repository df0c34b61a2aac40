// When to wait for more requests before the next log entry is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "raft/types.h"

namespace ticketd::server {

/// Clients that wait for an answer before they ask again fall into two cohorts when only one save
/// is under way at a time: while the entry of one is saved, the other one's requests gather, and go
/// into the next entry at once, before the first has had time to come back. Each entry then holds
/// half of what it could, and costs as much.
///
/// So those who were answered a moment ago are waited for, as long as requests keep coming. Whether
/// they come back at all is not known: when they did not, the next entries are made at once, more
/// of them each time, before it is tried again.
class Gathering {
 public:
  /// Without any request for so long those who are missing are not waited for.
  static constexpr raft::Micros kPatience = 200;
  /// Nobody waits longer than this for others: hundreds of clients take milliseconds to come back.
  static constexpr raft::Micros kLimit = 5'000;
  /// Entries that are made at once after one that was waited for in vain, at most.
  static constexpr std::uint32_t kSkippedMax = 256;

  /// So many requests were answered: as many may come back.
  void answered(std::size_t requests) { missing_ += requests; }
  /// So many requests came, of whomever.
  void came(raft::Time now, std::size_t requests);
  /// An entry could be made now. True: it is better to wait; ask again when requests came, and at
  /// until().
  bool wait(raft::Time now);
  /// When wait() will be false, if nothing comes before; none: nothing is waited for.
  std::optional<raft::Time> until() const;
  /// No entry could be made now, whatever came.
  void stop() { waiting_ = false; }
  /// An entry was made.
  void proposed();

 private:
  /// Were answered since the last entry was made, and did not come back.
  std::size_t missing_ = 0;
  bool waiting_ = false;
  raft::Time began_;
  /// When a request came last.
  raft::Time came_;
  std::uint32_t skipped_ = 0;  // entries since one was waited for
  std::uint32_t to_skip_ = 0;  // <= kSkippedMax
};

}  // namespace ticketd::server
