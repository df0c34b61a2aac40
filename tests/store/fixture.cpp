#include "tests/store/fixture.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "ticket/command.h"

namespace ticketd::store::testing {

namespace {

/// In memory where there is room, unless TMPDIR says otherwise: a test ends its process, not the
/// machine, so that no flush has to reach a disk.
std::string temporary_root() {
  constexpr std::uint64_t kRoomBytes = 1 << 30;
  const char* memory = "/dev/shm";
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(memory, error);
  if (std::getenv("TMPDIR") == nullptr && !error && space.available >= kRoomBytes) {
    return memory;
  }
  return std::filesystem::temp_directory_path();
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = temporary_root() + "/ticketd-store-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("no temporary directory");
  }
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TestLoop::post(std::function<void()> function) {
  {
    const std::lock_guard lock(mutex_);
    functions_.push_back(std::move(function));
  }
  posted_.notify_one();
}

void TestLoop::run_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    std::function<void()> function;
    {
      std::unique_lock lock(mutex_);
      if (!posted_.wait_until(lock, deadline, [this] { return !functions_.empty(); })) {
        throw std::runtime_error("nothing came to the loop for a minute");
      }
      function = std::move(functions_.front());
      functions_.pop_front();
    }
    function();
  }
}

std::optional<std::string> MapState::find(std::string_view key) {
  const auto found = records.find(key);
  return found == records.end() ? std::nullopt : std::optional(found->second);
}

void MapState::put(std::string_view key, std::string_view value) {
  records[std::string(key)] = std::string(value);
}

void MapState::remove(std::string_view key) { records.erase(std::string(key)); }

std::vector<ticket::State::Record> MapState::list(const ticket::ListRange& range) {
  std::vector<Record> found;
  for (const auto& [key, value] : records) {
    if (key.starts_with(range.prefix) && key > range.after && found.size() < range.limit) {
      found.push_back({key, value});
    }
  }
  return found;
}

raft::Entry command_entry(std::uint64_t index, std::uint64_t term,
                          std::vector<ticket::Operation> operations,
                          const ticket::KeyLimits& limits) {
  ticket::Batch batch;
  batch.stamp_us = index * 1000;
  batch.limits = limits;
  batch.operations = std::move(operations);
  return {raft::Index(index), raft::Term(term), raft::EntryType::kCommand,
          raft::Payload(ticket::encode(batch))};
}

raft::Entry take_entry(std::uint64_t index, std::uint64_t term,
                       const std::vector<std::string>& sequences, std::uint64_t count) {
  std::vector<ticket::Operation> operations;
  for (const std::string& sequence : sequences) {
    operations.push_back({ticket::Kind::kTake, sequence, {count}, ""});
  }
  return command_entry(index, term, std::move(operations));
}

raft::Entry large_entry(std::uint64_t index, std::uint64_t term, std::size_t bytes) {
  std::vector<std::string> sequences;
  // At least one: a batch of nothing is no command.
  for (std::size_t size = 0; size < std::max<std::size_t>(bytes, 1); size += 255) {
    std::string name = "large-" + std::to_string(sequences.size() % 50) + "-";
    name.resize(245, 'x');
    sequences.push_back(std::move(name));
  }
  return take_entry(index, term, sequences);
}

raft::Configuration configuration_of(std::uint64_t members) {
  std::vector<raft::Member> all;
  for (std::uint64_t i = 1; i <= members; ++i) {
    raft::Member member;
    member.id = {raft::NodeId(i), raft::Incarnation(1)};
    member.voter = true;
    member.addresses.peer = "localhost:" + std::to_string(7000 + i);
    all.push_back(member);
  }
  return raft::Configuration(std::move(all));
}

raft::Entry configuration_entry(std::uint64_t index, std::uint64_t term, std::uint64_t members) {
  return {raft::Index(index), raft::Term(term), raft::EntryType::kConfiguration,
          raft::Payload(configuration_of(members).encode())};
}

raft::Save save_of(raft::Entries entries) {
  raft::Save save;
  save.hard_state = hard_state_of(entries.back().term.value);
  save.entries = std::move(entries);
  return save;
}

raft::HardState hard_state_of(std::uint64_t term) {
  raft::HardState state;
  state.current_term = raft::Term(term);
  return state;
}

namespace {

void apply_entry(const raft::Entry& entry, ticket::Machine& machine, AppliedState& applied) {
  std::optional<ticket::Batch> batch;
  if (entry.type == raft::EntryType::kCommand) {
    Result<ticket::Batch> decoded = ticket::decode_batch(entry.payload.view());
    if (!decoded) {
      throw std::runtime_error(decoded.error().message);
    }
    batch = *std::move(decoded);
  }
  machine.apply(entry.index, entry.term, batch ? &*batch : nullptr);
  if (entry.type == raft::EntryType::kConfiguration) {
    applied.configuration = {entry.index, *raft::Configuration::decode(entry.payload.view())};
  }
  applied.summary = machine.summary();
}

}  // namespace

StateAt state_at(const raft::Entries& log, raft::Index index) {
  StateAt result;
  MapState state;
  ticket::Machine machine(state, {});
  for (const raft::Entry& entry : log) {
    if (entry.index <= index) {
      apply_entry(entry, machine, result.applied);
    }
  }
  result.records = std::move(state.records);
  return result;
}

RecordMap records_of(ticket::State& state) {
  ticket::ListRange range;
  range.limit = 1000;
  RecordMap records;
  while (true) {
    const std::vector<ticket::State::Record> part = state.list(range);
    for (const ticket::State::Record& record : part) {
      if (record.key <= range.after) {
        throw std::runtime_error("a list out of order at " + record.key);
      }
      records[record.key] = record.value;
      range.after = record.key;
    }
    if (part.size() < range.limit) {
      return records;
    }
  }
}

DiskOptions small_options(const std::string& path) {
  DiskOptions options;
  options.path = path;
  options.map_bytes = 16 << 20;
  options.checkpoint_bytes = 64 << 10;
  options.checkpoint_interval_us = 2000;
  return options;
}

Result<std::unique_ptr<LmdbDisk>> open_disk(const DiskOptions& options, TestLoop& loop) {
  Result<std::optional<DirectoryLock>> lock = DirectoryLock::acquire(options.path, true);
  if (!lock) {
    return lock.error();
  }
  if (!*lock) {
    return Error{"held by another"};
  }
  return LmdbDisk::open(**std::move(lock), options, [&loop](std::function<void()> function) {
    loop.post(std::move(function));
  });
}

TestReplica::TestReplica(const DiskOptions& options) {
  Result<std::unique_ptr<LmdbDisk>> disk = open_disk(options, loop_);
  if (!disk) {
    throw std::runtime_error(disk.error().message);
  }
  disk_ = *std::move(disk);
  applied_ = disk_->opened().applied;
  compacted_ = disk_->opened().restored.compacted.index;
  term_ = disk_->opened().restored.hard_state.current_term;
  machine_.emplace(disk_->state(), applied_.summary);
  disk_->on_compacted([this](raft::Index index) { compacted_ = index; });
}

void TestReplica::save(raft::Save save) {
  term_ = save.hard_state ? save.hard_state->current_term : term_;
  bool done = false;
  disk_->save(std::move(save), [&] { done = true; });
  loop_.run_until([&] { return done; });
}

void TestReplica::apply(const raft::Entries& entries) {
  for (const raft::Entry& entry : entries) {
    apply_entry(entry, *machine_, applied_);
  }
  disk_->applied(applied_);
}

void TestReplica::append_and_apply(const raft::Entries& entries) {
  save(save_of(entries));
  apply(entries);
}

void TestReplica::checkpoint() {
  // One may be under way that does not hold everything, so a second one is waited for.
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t before = disk_->counters().checkpoints;
    disk_->applied(applied_);  // said again: something to store
    loop_.run_until([&] { return disk_->counters().checkpoints > before; });
  }
}

void TestReplica::warm(std::vector<std::string> keys) {
  bool done = false;
  disk_->warm(std::move(keys), [&] { done = true; });
  loop_.run_until([&] { return done; });
}

void TestReplica::warm(const ticket::ListRange& range) {
  bool done = false;
  disk_->warm(range, [&] { done = true; });
  loop_.run_until([&] { return done; });
}

raft::Entries TestReplica::fetch(std::uint64_t from, std::uint64_t to, std::size_t max_bytes) {
  raft::FetchEntries request;
  request.from = raft::Index(from);
  request.to = raft::Index(to);
  request.max_bytes = max_bytes;
  std::optional<raft::Entries> result;
  disk_->fetch(request, [&](raft::Entries entries) { result = std::move(entries); });
  loop_.run_until([&] { return result.has_value(); });
  return *result;
}

raft::Entries TestReplica::fetch_all(std::uint64_t from, std::uint64_t to) {
  raft::Entries entries;
  while (from + entries.size() <= to) {
    const raft::Entries more = fetch(from + entries.size(), to);
    if (more.empty()) {
      break;
    }
    entries.insert(entries.end(), more.begin(), more.end());
  }
  return entries;
}

std::optional<raft::SnapshotChunk> TestReplica::fetch_chunk(const raft::FetchChunk& request) {
  bool done = false;
  std::optional<raft::SnapshotChunk> result;
  disk_->fetch(request, [&](std::optional<raft::SnapshotChunk> chunk) {
    result = std::move(chunk);
    done = true;
  });
  loop_.run_until([&] { return done; });
  return result;
}

std::vector<raft::SnapshotChunk> TestReplica::fetch_snapshot(std::size_t chunk_bytes) {
  std::vector<raft::SnapshotChunk> chunks;
  raft::FetchChunk request;
  request.max_bytes = chunk_bytes;
  while (true) {
    std::optional<raft::SnapshotChunk> chunk = fetch_chunk(request);
    if (!chunk) {
      return {};
    }
    chunks.push_back(*chunk);
    if (chunk->last()) {
      return chunks;
    }
    request.mark = chunk->mark;
    request.file_id = chunk->file_id;
    request.offset = chunk->offset + chunk->data.size();
  }
}

Result<bool> TestReplica::make_snapshot() {
  std::optional<Result<bool>> result;
  disk_->make_snapshot([&](const Result<bool>& made) { result = made; });
  loop_.run_until([&] { return result.has_value(); });
  return *result;
}

std::uint64_t TestReplica::stage(raft::SnapshotChunk chunk) {
  std::optional<std::uint64_t> held;
  disk_->stage(std::move(chunk), [&](std::uint64_t bytes) { held = bytes; });
  loop_.run_until([&] { return held.has_value(); });
  return *held;
}

Result<AppliedState> TestReplica::install(raft::SnapshotMark mark) {
  if (term_ < mark.term) {
    raft::Save term;
    term.hard_state = hard_state_of(mark.term.value);
    save(term);
  }
  std::optional<Result<AppliedState>> result;
  disk_->install(mark, [&](Result<AppliedState> state) { result = std::move(state); });
  loop_.run_until([&] { return result.has_value(); });
  if (result->ok()) {
    applied_ = **result;
    machine_->reset(applied_.summary);
  }
  return *std::move(result);
}

namespace {

/// The dumb way to what Restored says of the log.
raft::Restored restored_from(const raft::Entries& log, const raft::Restored& opened) {
  raft::Restored expected;
  expected.hard_state = opened.hard_state;
  expected.compacted = opened.compacted;
  expected.last_index = opened.last_index;
  expected.applied_index = opened.applied_index;
  expected.configurations.push_back({});
  for (const raft::Entry& entry : log) {
    if (entry.index > opened.last_index) {
      break;
    }
    if (entry.type == raft::EntryType::kConfiguration) {
      if (entry.index <= opened.compacted.index) {
        expected.configurations.clear();
      }
      expected.configurations.push_back(
          {entry.index, *raft::Configuration::decode(entry.payload.view())});
    }
    if (entry.index == opened.compacted.index) {
      expected.compacted.term = entry.term;
    }
    if (entry.index > opened.compacted.index &&
        (expected.term_starts.empty() || expected.term_starts.back().term != entry.term)) {
      expected.term_starts.push_back({entry.index, entry.term});
    }
    if (entry.index > opened.applied_index) {
      expected.entries.push_back(entry);
    }
  }
  return expected;
}

}  // namespace

std::string difference(LmdbDisk& disk, const raft::Entries& log) {
  std::ostringstream out;
  const raft::Restored& restored = disk.opened().restored;
  const raft::Restored expected = restored_from(log, restored);
  if (!log.empty() && restored.last_index > log.back().index) {
    out << "the log ends at " << restored.last_index << ", not " << log.back().index << "; ";
  }
  if (restored.compacted != expected.compacted) out << "compacted term; ";
  if (restored.term_starts != expected.term_starts) out << "term starts; ";
  if (restored.configurations != expected.configurations) out << "configurations; ";
  if (restored.entries != expected.entries) out << "entries; ";
  const StateAt state = state_at(log, restored.applied_index);
  if (disk.opened().applied.summary != state.applied.summary) out << "summary; ";
  if (disk.opened().applied.configuration != state.applied.configuration) out << "configuration; ";
  for (const auto& [key, value] : state.records) {
    if (disk.state().find(key) != value) out << "record " << key << "; ";
  }
  if (records_of(disk.state()) != state.records) out << "the list of records; ";
  return out.str();
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void flip_byte(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 0x40));
}

}  // namespace ticketd::store::testing
