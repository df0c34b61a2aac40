// What a simulated node finds after a crash, and where bits may rot.
#include "sim/platter.h"

#include <doctest/doctest.h>

namespace ticketd::sim {
namespace {

raft::Save save_of(std::uint64_t index, const std::string& payload) {
  raft::Save save;
  save.hard_state = raft::HardState{};
  save.hard_state->current_term = raft::Term(1);
  save.entries = {
      {raft::Index(index), raft::Term(1), raft::EntryType::kCommand, raft::Payload(payload)}};
  return save;
}

/// Founded, started once, and with some saves in its journal.
struct Fixture {
  Fixture() {
    platter.make_journal({77, 16 * store::kBlockBytes});
    platter.found({raft::Index(1), raft::Term(1), raft::EntryType::kNoop, raft::Payload()});
    platter.store(platter.recover()->batch);
    journal.emplace(platter.journal, platter.shape, platter.stored.mark.epoch,
                    platter.stored.mark.sequence + 1);
  }

  void save(const std::string& payload) {
    const raft::Save save = save_of(platter.last_index().value + 1, payload);
    store::Journal::Placed placed = journal->place(save, platter.stored.mark.checkpoint);
    journal->write(placed);
    journal->flush();
    platter.log.push_back({save.entries[0], chain_of(platter.log.back().chain, save.entries[0])});
  }

  Platter platter;
  std::optional<store::Journal> journal;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a restart finds what was saved, out of the journal") {
  for (const char* payload : {"a", "b", "c"}) save(payload);
  CHECK(platter.open().restored.last_index == raft::Index(1));
  const auto recovered = platter.recover();
  REQUIRE(recovered.ok());
  CHECK(platter.is_durable(recovered->batch));
  platter.store(recovered->batch);
  CHECK(platter.open().restored.last_index == raft::Index(4));
  CHECK(platter.recover()->batch.entries.empty());
}

TEST_CASE_FIXTURE(Fixture, "what is missing, too much or different is not what is durable") {
  for (const char* payload : {"a", "b"}) save(payload);
  store::Batch batch = platter.recover()->batch;
  REQUIRE(platter.is_durable(batch));
  store::Batch other = batch;
  other.entries.pop_back();
  CHECK_FALSE(platter.is_durable(other));
  other = batch;
  other.entries.back().payload = raft::Payload("c");
  CHECK_FALSE(platter.is_durable(other));
  other = batch;
  other.entries.push_back(other.entries.back());
  CHECK_FALSE(platter.is_durable(other));
  other = batch;
  other.hard_state->has_voted = true;
  CHECK_FALSE(platter.is_durable(other));
}

TEST_CASE_FIXTURE(Fixture, "rot in a promise is refused, and elsewhere it changes nothing") {
  for (std::size_t i = 0; i < 6; ++i) save(std::string(1000 * i, 'x'));
  unsigned refused = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    const Platter::RotPlace place = platter.draw_rot(random);
    const auto bit = static_cast<unsigned>(random.below(8));
    platter.rot(place, bit);
    const auto recovered = platter.recover();
    CAPTURE(place.offset);
    CHECK(recovered.ok() == !place.promised);
    if (recovered) CHECK(platter.is_durable(recovered->batch));
    refused += !recovered.ok();
    platter.journal.flip_bit(place.offset, bit);
  }
  CHECK(refused > 100);
  CHECK(refused < 450);
}

}  // namespace ticketd::sim
