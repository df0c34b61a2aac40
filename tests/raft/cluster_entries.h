// Every entry that any member ever sent or saved, as a tree: log matching says that (index, term)
// names one node of it, and so one whole prefix.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/ready.h"

namespace ticketd::raft::cluster {

/// An invariant does not hold. Thrown, not aborted on: the checkers are on trial themselves.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Mixes a number into a running hash.
std::uint64_t mixed(std::uint64_t hash, std::uint64_t number);
std::uint64_t payload_hash(std::string_view bytes);

/// The hash of a log, or the digest of a state, after one more entry.
std::uint64_t chained(std::uint64_t chain, const Entry& entry);

struct SeenEntry {
  Term term;
  Term previous_term;
  EntryType type = EntryType::kNoop;
  std::uint64_t payload = 0;
  /// Of the whole log up to and including this entry; also the digest of a state that applied it.
  std::uint64_t chain = 0;
  /// Which configuration is in force from here on: a place in EntryTree's table.
  std::size_t configuration = 0;
};

class EntryTree {
 public:
  /// Holds the place before the first entry, with the empty configuration.
  EntryTree();

  /// nullptr when nobody ever showed such an entry.
  const SeenEntry* find(Index index, Term term) const;
  /// The entry at `index` on the way from (tip, term) back to the beginning; nullptr if there is
  /// none. Takes tip - index steps.
  const SeenEntry* ancestor(Index tip, Term term, Index index) const;

  enum class Added { kNew, kKnown };
  /// `previous_term` is that of the entry before. Throws a Violation when the entry before was
  /// never seen, or when the same (index, term) was seen with other content.
  Added add(Term previous_term, const Entry& entry);

  const ConfigurationAt& configuration(const SeenEntry& entry) const {
    return configurations_[entry.configuration];
  }

 private:
  std::size_t configuration_after(const SeenEntry& parent, const Entry& entry);

  std::vector<std::vector<SeenEntry>> by_index_;
  std::vector<ConfigurationAt> configurations_;
};

/// Thesis 4.1: two neighbouring configurations differ by one member or in the role of one (or one
/// learner has taken the place of another). Throws a Violation otherwise.
void check_single_change(const Configuration& before, const Configuration& after);

}  // namespace ticketd::raft::cluster
