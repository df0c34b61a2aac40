#include "tests/raft/cluster_entries.h"

#include <algorithm>
#include <sstream>

#include "base/hash.h"

namespace ticketd::raft::cluster {

std::uint64_t mixed(std::uint64_t hash, std::uint64_t number) {
  std::uint64_t z = hash * 0x9e3779b97f4a7c15 + number + 0x632be59bd9b4e019;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t payload_hash(std::string_view bytes) { return hash64(bytes); }

std::uint64_t chained(std::uint64_t chain, const Entry& entry) {
  return mixed(mixed(mixed(chain, entry.index.value), entry.term.value),
               payload_hash(entry.payload.view()) + static_cast<std::uint64_t>(entry.type));
}

namespace {

[[noreturn]] void fail(const Entry& entry, const std::string& what) {
  std::ostringstream out;
  out << "entry " << entry.index << " of term " << entry.term << ' ' << what;
  throw Violation(out.str());
}

}  // namespace

EntryTree::EntryTree() {
  configurations_.emplace_back();
  by_index_.push_back({SeenEntry{}});
}

const SeenEntry* EntryTree::find(Index index, Term term) const {
  if (index.value >= by_index_.size()) {
    return nullptr;
  }
  const std::vector<SeenEntry>& here = by_index_[index.value];
  const auto found = std::find_if(here.begin(), here.end(),
                                  [term](const SeenEntry& entry) { return entry.term == term; });
  return found == here.end() ? nullptr : &*found;
}

const SeenEntry* EntryTree::ancestor(Index tip, Term term, Index index) const {
  const SeenEntry* entry = tip < index ? nullptr : find(tip, term);
  while (entry != nullptr && tip > index) {
    tip = tip - 1;
    entry = find(tip, entry->previous_term);
  }
  return entry;
}

EntryTree::Added EntryTree::add(Term previous_term, const Entry& entry) {
  if (entry.index == Index{0} || entry.term == Term{0} || entry.term < previous_term) {
    fail(entry, "has an impossible place or a term below its predecessor's");
  }
  const std::uint64_t hash = payload_hash(entry.payload.view());
  if (const SeenEntry* known = find(entry.index, entry.term)) {
    if (known->previous_term != previous_term || known->type != entry.type ||
        known->payload != hash) {
      fail(entry, "is two different entries, or follows two different ones (log matching)");
    }
    return Added::kKnown;
  }
  const SeenEntry* found = find(entry.index - 1, previous_term);
  if (found == nullptr) {
    fail(entry, "follows an entry that nobody ever showed");
  }
  const SeenEntry parent = *found;  // The tree grows below, so no pointer into it is kept.
  SeenEntry seen{entry.term, previous_term, entry.type, hash, 0, 0};
  seen.chain = chained(parent.chain, entry);
  seen.configuration = configuration_after(parent, entry);
  if (by_index_.size() <= entry.index.value) {
    by_index_.resize(entry.index.value + 1);
  }
  by_index_[entry.index.value].push_back(seen);
  return Added::kNew;
}

std::size_t EntryTree::configuration_after(const SeenEntry& parent, const Entry& entry) {
  if (entry.type != EntryType::kConfiguration) {
    return parent.configuration;
  }
  Result<Configuration> decoded = Configuration::decode(entry.payload.view());
  if (!decoded.ok()) {
    fail(entry, "is no configuration: " + decoded.error().message);
  }
  const Configuration& before = configurations_[parent.configuration].configuration;
  if (!before.empty()) {  // The first one is written by the founders, not by a leader.
    check_single_change(before, *decoded);
  }
  configurations_.push_back({entry.index, std::move(decoded).value()});
  return configurations_.size() - 1;
}

void check_single_change(const Configuration& before, const Configuration& after) {
  std::size_t changes = 0;
  std::size_t voter_changes = 0;
  for (const Member& member : after.members()) {
    const Member* old = before.find(member.id);
    changes += old == nullptr || old->voter != member.voter;
    voter_changes += member.voter != (old != nullptr && old->voter);
    if (old == nullptr && member.voter) {
      throw Violation("a member became a voter without having been a learner");
    }
    if (old != nullptr && old->voter && !member.voter) {
      throw Violation("a voter was made a learner");
    }
  }
  for (const Member& member : before.members()) {
    changes += after.find(member.id) == nullptr;
    voter_changes += after.find(member.id) == nullptr && member.voter;
  }
  // One learner may take the place of another: that changes no majority.
  if (changes > (voter_changes == 0 ? 2U : 1U)) {
    throw Violation("one configuration entry changes more than one member");
  }
  if (after.voter_count() == 0) {
    throw Violation("a configuration without a voter");
  }
}

}  // namespace ticketd::raft::cluster
