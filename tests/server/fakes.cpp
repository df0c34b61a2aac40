#include "tests/server/fakes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace ticketd::server::testing {

// --- World ----------------------------------------------------------------------------------------

void World::after(raft::Micros delay, std::function<void()> event) {
  events_.emplace(std::pair(now_ + delay, ++sequence_), std::move(event));
}

void World::step() {
  auto event = events_.extract(events_.begin());
  // Somebody who is always due would never let time go on.
  at_this_instant_ = event.key().first == now_ ? at_this_instant_ + 1 : 0;
  ENSURE_LT(at_this_instant_, 1'000'000);
  now_ = event.key().first;
  event.mapped()();
}

bool World::run_until(const std::function<bool()>& condition, raft::Micros patience) {
  const raft::Time end = now_ + patience;
  while (!condition()) {
    if (events_.empty() || events_.begin()->first.first > end) return false;
    step();
  }
  return true;
}

void World::run_for(raft::Micros time) {
  const raft::Time end = now_ + time;
  while (!events_.empty() && events_.begin()->first.first <= end) step();
  now_ = end;
}

// --- FakeLoop -------------------------------------------------------------------------------------

void FakeLoop::defer(std::function<void()> turn) {
  world_.after(0, [alive = alive_, turn = std::move(turn)] {
    if (*alive) turn();
  });
}

void FakeLoop::defer_turn() {
  defer([this] { turn_handler_(); });
}

void FakeLoop::set_alarm(raft::Time when) {
  const std::uint64_t alarm = ++alarm_;
  const raft::Micros delay = when > world_.now() ? when - world_.now() : 0;
  world_.after(delay, [this, alive = alive_, alarm] {
    if (*alive && alarm == alarm_) handler_();
  });
}

// --- FakeDisk -------------------------------------------------------------------------------------

FakeDisk::FakeDisk(World& world, std::shared_ptr<Platter> platter)
    : world_(world), platter_(std::move(platter)), applied_(platter_->applied) {
  memory_.records = platter_->records;
}

void FakeDisk::Memory::put(std::string_view key, std::string_view value) {
  MapState::put(key, value);
  if (warm) warm->emplace(key);
}

void FakeDisk::warm(std::vector<std::string> keys, Done done) {
  warmed += keys.size();
  largest_warm = std::max(largest_warm, keys.size());
  if (warming_hangs_) return;
  later(warming, [this, keys = std::move(keys), done = std::move(done)] {
    if (memory_.warm) memory_.warm->insert(keys.begin(), keys.end());
    done();
  });
}

void FakeDisk::warm(ticket::ListRange, Done done) {
  ++warmed;
  if (warming_hangs_) return;
  later(warming, std::move(done));
}

store::Opened FakeDisk::opened() const {
  store::Opened opened;
  opened.identity = platter_->identity;
  opened.applied = platter_->applied;
  raft::Restored& restored = opened.restored;
  restored.hard_state = platter_->hard_state;
  restored.compacted = platter_->compacted;
  restored.last_index = platter_->compacted.index + platter_->log.size();
  restored.applied_index = platter_->applied.summary.applied_index;
  restored.entries = platter_->log;
  if (platter_->compacted.index.value > 0) {
    restored.configurations.push_back(platter_->compacted_configuration);
  }
  raft::Term term = platter_->compacted.term;
  for (const raft::Entry& entry : platter_->log) {
    if (entry.term != term || restored.term_starts.empty()) {
      restored.term_starts.push_back({entry.index, entry.term});
    }
    term = entry.term;
    if (entry.type != raft::EntryType::kConfiguration) continue;
    restored.configurations.push_back(
        {entry.index, raft::Configuration::decode(entry.payload.view()).value()});
  }
  return opened;
}

void FakeDisk::later(raft::Micros delay, std::function<void()> job) {
  if (hung_) return;
  world_.after(delay, [alive = alive_, job = std::move(job)] {
    if (*alive) job();
  });
}

void FakeDisk::save(raft::Save save, Done done) {
  later(flush, [this, save = std::move(save), done = std::move(done)] {
    if (save.hard_state) platter_->hard_state = *save.hard_state;
    if (!save.entries.empty()) {
      const std::uint64_t kept = save.entries.front().index - (platter_->compacted.index + 1);
      REQUIRE(kept <= platter_->log.size());
      platter_->log.resize(kept);
      platter_->log.insert(platter_->log.end(), save.entries.begin(), save.entries.end());
    }
    done();
  });
}

void FakeDisk::checkpoint(std::size_t keep) {
  platter_->applied = applied_;
  platter_->records = memory_.records;
  const std::uint64_t applied = applied_.summary.applied_index.value;
  const std::uint64_t from = platter_->compacted.index.value;
  if (applied <= from + keep) return;
  const std::size_t dropped = applied - from - keep;
  for (std::size_t i = 0; i < dropped; ++i) {
    const raft::Entry& entry = platter_->log[i];
    if (entry.type != raft::EntryType::kConfiguration) continue;
    platter_->compacted_configuration = {
        entry.index, raft::Configuration::decode(entry.payload.view()).value()};
  }
  platter_->compacted = {platter_->log[dropped - 1].index, platter_->log[dropped - 1].term};
  platter_->log.erase(platter_->log.begin(),
                      platter_->log.begin() + static_cast<std::ptrdiff_t>(dropped));
  later(0, [this, index = platter_->compacted.index] { compacted_(index); });
}

void FakeDisk::fetch(const raft::FetchEntries& request, std::function<void(raft::Entries)> done) {
  later(200, [this, request, done = std::move(done)] {
    raft::Entries entries;
    for (const raft::Entry& entry : platter_->log) {
      if (entry.index < request.from || entry.index > request.to) continue;
      entries.push_back(entry);
    }
    if (!entries.empty() && entries.front().index != request.from) entries.clear();
    done(std::move(entries));
  });
}

std::string FakeDisk::snapshot_file() const {
  ByteWriter out;
  const ticket::Summary& summary = platter_->applied.summary;
  for (const std::uint64_t field :
       {summary.applied_index.value, summary.applied_term.value, summary.digest, summary.sequences,
        summary.stamp_us, summary.oldest_key, summary.next_key, summary.beginning,
        platter_->applied.configuration.index.value}) {
    out.u64(field);
  }
  out.string(platter_->applied.configuration.configuration.encode());
  for (const auto& [key, value] : platter_->records) {
    out.string(key);
    out.string(value);
  }
  return out.take();
}

void FakeDisk::fetch(const raft::FetchChunk& request,
                     std::function<void(std::optional<raft::SnapshotChunk>)> done) {
  later(200, [this, request, done = std::move(done)] {
    const std::string file = snapshot_file();
    raft::SnapshotChunk chunk;
    chunk.mark = {platter_->applied.summary.applied_index, platter_->applied.summary.applied_term};
    chunk.file_id = platter_->identity.node.value * 1000 + chunk.mark.index.value;
    if (request.mark && (*request.mark != chunk.mark || request.file_id != chunk.file_id)) {
      return done(std::nullopt);
    }
    chunk.total_bytes = file.size();
    chunk.offset = request.offset;
    chunk.data = raft::Payload(file.substr(request.offset, request.max_bytes));
    done(std::move(chunk));
  });
}

void FakeDisk::make_snapshot(std::function<void(Result<bool>)> done) {
  const raft::SnapshotMark mark{applied_.summary.applied_index, applied_.summary.applied_term};
  const bool any = mark > snapshot_;
  later(200, [this, mark, any, done = std::move(done)] {
    snapshot_ = std::max(snapshot_, mark);
    done(any);
  });
}

void FakeDisk::stage(raft::SnapshotChunk chunk, std::function<void(std::uint64_t)> done) {
  later(200, [this, chunk = std::move(chunk), done = std::move(done)] {
    if (chunk.offset == 0) incoming_.clear();
    if (chunk.offset == incoming_.size()) incoming_ += chunk.data.view();
    done(incoming_.size());
  });
}

void FakeDisk::install(raft::SnapshotMark mark,
                       std::function<void(Result<store::AppliedState>)> done) {
  later(500, [this, mark, done = std::move(done)] {
    ByteReader in(incoming_);
    store::AppliedState state;
    state.summary.applied_index = raft::Index(in.u64());
    state.summary.applied_term = raft::Term(in.u64());
    state.summary.digest = in.u64();
    state.summary.sequences = in.u64();
    state.summary.stamp_us = in.u64();
    state.summary.oldest_key = in.u64();
    state.summary.next_key = in.u64();
    state.summary.beginning = in.u64();
    state.configuration.index = raft::Index(in.u64());
    state.configuration.configuration = raft::Configuration::decode(in.string(1 << 20)).value();
    memory_.records.clear();
    while (in.ok() && !in.at_end()) {
      const std::string key(in.string(ticket::kMaxRecordKeyBytes));
      memory_.records[key] = in.string(ticket::kMaxRecordValueBytes);
    }
    REQUIRE(in.ok());
    platter_->compacted = mark;
    platter_->compacted_configuration = state.configuration;
    platter_->log.clear();
    platter_->applied = applied_ = state;
    platter_->records = memory_.records;
    done(state);
  });
}

// --- FakeTransport --------------------------------------------------------------------------------

FakeTransport::~FakeTransport() {
  const auto found = network_.listening.find(address_);
  if (found != network_.listening.end() && found->second == this) network_.listening.erase(found);
}

void FakeTransport::start(net::TransportEvents& events) {
  events_ = &events;
  network_.listening[address_] = this;
}

std::optional<std::string> FakeTransport::address_of(raft::MemberId peer) const {
  for (const net::Peer& known : peers_) {
    if (known.id == peer) return known.address;
  }
  return std::nullopt;
}

bool FakeTransport::reach(raft::MemberId to, std::function<void(FakeTransport&)> deliver) {
  const auto address = address_of(to);
  if (!address) return false;
  net::Hello hello = self_;
  hello.to = to;
  network_.world().after(network_.delay, [&network = network_, from = address_, to = *address, hello,
                                          deliver = std::move(deliver)] {
    const auto sender = network.listening.find(from);
    const auto receiver = network.listening.find(to);
    if (sender == network.listening.end() || receiver == network.listening.end()) return;
    if (!network.connected(hello.from.node, hello.to.node)) return;
    if (const auto refused = receiver->second->events_->judge(hello)) {
      sender->second->events_->on_refused(hello.to, *refused);
      return;
    }
    deliver(*receiver->second);
  });
  return true;
}

void FakeTransport::send(const raft::Envelope& envelope) {
  reach(envelope.to, [envelope](FakeTransport& peer) { peer.events_->on_message(envelope); });
}

void FakeTransport::send(raft::MemberId to, const net::MemberStatus& status) {
  reach(to, [status, from = self_.from](FakeTransport& peer) {
    peer.events_->on_status(from, status);
  });
}

void FakeTransport::call(raft::MemberId to, net::Call call, raft::Micros timeout,
                         std::function<void(net::CallResult)> done) {
  auto once = std::make_shared<std::function<void(net::CallResult)>>(std::move(done));
  const auto finish = [once](net::CallResult result) {
    if (*once) std::exchange(*once, nullptr)(std::move(result));
  };
  World& world = network_.world();
  if (network_.status && std::holds_alternative<net::StatusCall>(call)) {
    return world.after(0, [finish, status = *network_.status] { finish(net::Reply(status)); });
  }
  const auto deliver = [finish, call = std::move(call), &world](FakeTransport& peer) {
    peer.events_->on_request(call, [finish, &world](net::Reply reply) {
      world.after(100, [finish, reply = std::move(reply)] { finish(reply); });
    });
  };
  if (!reach(to, deliver)) {
    world.after(0, [finish] { finish(net::CallFailure::kNotSent); });
    return;
  }
  world.after(timeout, [finish] { finish(net::CallFailure::kNoReply); });
}

}  // namespace ticketd::server::testing
