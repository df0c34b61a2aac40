#include "sim/snapshots.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/simulation.h"

namespace ticketd::sim {

namespace {

/// Files that are kept for followers.
constexpr std::size_t kFilesMax = 2;

std::optional<raft::SnapshotChunk> read(const SnapshotFile& file, std::uint64_t offset,
                                        std::size_t max_bytes) {
  if (offset >= file.bytes->size()) return std::nullopt;
  raft::SnapshotChunk chunk;
  chunk.mark = file.mark;
  chunk.file_id = file.file_id;
  chunk.total_bytes = file.bytes->size();
  chunk.offset = offset;
  chunk.data = raft::Payload(file.bytes->substr(offset, max_bytes));
  return chunk;
}

}  // namespace

bool SimulatedSnapshots::file_goes_bad(std::uint64_t of) {
  const unsigned permille = simulation_.knobs.bad_file_permille;
  return !simulation_.healed() && permille > 0 && simulation_.disk_random.chance(permille, of);
}

// --- Made for followers ---------------------------------------------------------------------------

const SnapshotFile* SimulatedSnapshots::find(const raft::FetchChunk& request) const {
  const SnapshotFile* found = nullptr;
  for (const SnapshotFile& file : platter_.files) {
    const bool fits = request.mark
                          ? file.mark == *request.mark && file.file_id == request.file_id
                          : file.mark.index >= platter_.compacted.index;
    if (fits && (found == nullptr || file.mark > found->mark)) found = &file;
  }
  return found;
}

void SimulatedSnapshots::fetch(const raft::FetchChunk& request, Answer answer) {
  if (file_goes_bad(4'000)) platter_.files.clear();
  if (const SnapshotFile* file = find(request)) {
    return answer(read(*file, request.mark ? request.offset : 0, request.max_bytes));
  }
  const bool nothing = platter_.applied.summary.applied_index.value == 0;
  if (request.mark || nothing) return answer(std::nullopt);
  waiting_.push_back({request.max_bytes, std::move(answer)});
}

void SimulatedSnapshots::make(raft::Index at_least, Made made) {
  if (newest().index >= at_least) return made({});
  ordered_.push_back(std::move(made));
}

raft::SnapshotMark SimulatedSnapshots::newest() const {
  raft::SnapshotMark newest;
  for (const SnapshotFile& file : platter_.files) newest = std::max(newest, file.mark);
  return newest;
}

void SimulatedSnapshots::step() {
  ENSURE(is_making());
  make();
  for (const Made& made : std::exchange(ordered_, {})) made({});
  for (const Waiting& request : std::exchange(waiting_, {})) {
    request.answer(read(platter_.files.back(), 0, request.max_bytes));
  }
}

void SimulatedSnapshots::make() {
  store::SnapshotHeader header;
  header.file_id = simulation_.disk_random.next();
  header.state = platter_.applied;
  header.chain = platter_.stored_chain_at(header.mark().index);
  SimulatedFile file("snapshot");
  store::SnapshotWriter writer(file, header);
  for (const auto& [key, value] : platter_.records.sorted()) {
    ENSURE(writer.add(key, value).ok());
  }
  ENSURE(writer.finish().ok());
  auto bytes = std::make_shared<std::string>(file.size(), '\0');
  ENSURE(file.read(0, *bytes).ok());
  if (platter_.files.size() == kFilesMax) platter_.files.erase(platter_.files.begin());
  platter_.files.push_back({header.mark(), header.file_id, std::move(bytes)});
  ++made_;
  ++simulation_.statistics.snapshots_made;
}

// --- Received -------------------------------------------------------------------------------------

std::uint64_t SimulatedSnapshots::stage(const raft::SnapshotChunk& chunk) {
  const bool same = chunk.mark == staged_mark_ && chunk.file_id == staged_id_ &&
                    chunk.total_bytes == staged_total_;
  if (!same || chunk.offset == 0) {
    if (chunk.offset != 0) return 0;
    staged_.clear();
    staged_mark_ = chunk.mark;
    staged_id_ = chunk.file_id;
    staged_total_ = chunk.total_bytes;
  }
  if (chunk.offset != staged_.size()) return staged_.size();
  staged_ += chunk.data.view();
  if (!staged_.empty() && file_goes_bad(1'000)) {
    char& byte = staged_[simulation_.disk_random.below(staged_.size())];
    byte = static_cast<char>(byte ^ 0x10);
  }
  return staged_.size();
}

Result<store::SnapshotHeader> SimulatedSnapshots::finish(raft::SnapshotMark mark) {
  if (mark != staged_mark_ || staged_.size() != staged_total_) {
    return Error{"no whole snapshot of that mark was received"};
  }
  received_ = std::make_unique<SimulatedFile>("received snapshot");
  ENSURE(received_->write(0, std::exchange(staged_, {})).ok());
  ENSURE(received_->sync().ok());
  staged_mark_ = {};
  Result<store::SnapshotReader> reader = store::SnapshotReader::open(*received_);
  std::optional<Error> bad;
  if (!reader) bad = reader.error();
  while (!bad) {
    const Result<store::Records> records = reader->next();
    if (!records) {
      bad = records.error();
    } else if (records->empty()) {
      return reader->header();
    }
  }
  ++simulation_.statistics.bad_snapshots;
  return *bad;
}

Result<std::unique_ptr<store::BlockFile>> SimulatedSnapshots::open_received() {
  return std::unique_ptr<store::BlockFile>(std::make_unique<SimulatedFile>(*received_));
}

}  // namespace ticketd::sim
