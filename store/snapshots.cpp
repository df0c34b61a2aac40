#include "store/snapshots.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "store/durable.h"
#include "store/layout.h"
#include "store/log_table.h"

namespace ticketd::store {
namespace {

constexpr std::size_t kStepBytes = 1 << 20;
constexpr std::size_t kChunkBytesMax = 4 << 20;

std::string file_name(const SnapshotHeader& header) {
  char id[17];
  std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(header.file_id));
  return std::string(kSnapshotPrefix) + std::to_string(header.mark().index.value) + "-" +
         std::to_string(header.mark().term.value) + "-" + id + std::string(kSnapshotSuffix);
}

}  // namespace

/// One read transaction, from the first record to the last: index, term, configuration, summary and
/// records are of one moment.
struct Snapshots::Making {
  Making(const Environment& environment, const Tables& tables, std::uint64_t file_id)
      : view(environment) {
    const MetaRecord record = read_record(view, tables);
    header.file_id = file_id;
    header.state.summary = record.summary;
    header.state.configuration = read_configuration(view, tables, kConfigurationKey);
    header.chain = chain_at(view, tables, record, record.summary.applied_index);
    state = tables.state(record.generation);
  }

  ReadTransaction view;
  Table state = 0;
  SnapshotHeader header;
  std::string unfinished_path;
  std::optional<File> file;
  std::optional<SnapshotWriter> writer;
  std::optional<Cursor> cursor;
  bool more = false;
};

Snapshots::Snapshots(const Environment& environment, const Tables& tables, Options options)
    : environment_(environment),
      tables_(tables),
      options_(std::move(options)),
      next_file_id_(options_.seed) {}

Snapshots::~Snapshots() {
  if (making_ != nullptr) {
    give_up();
  }
}

Status Snapshots::adopt() {
  ReadTransaction view(environment_);
  const raft::Index applied = read_record(view, tables_).summary.applied_index;
  for (const std::string& name : list_directory(options_.path)) {
    if (!name.starts_with(kSnapshotPrefix) ||
        !(name.ends_with(kSnapshotSuffix) || name.ends_with(kUnfinishedSuffix))) {
      continue;
    }
    const std::string path = in_directory(options_.path, name);
    if (name.ends_with(kSnapshotSuffix)) {
      Result<File> file = File::open(path, File::Mode::kRead);
      if (!file) {
        return file.error();
      }
      const Result<SnapshotReader> reader = SnapshotReader::open(*file);
      if (reader && reader->check_trailer().ok() && reader->header().mark().index <= applied) {
        held_.push_back({reader->header().mark(), reader->header().file_id, file->size(),
                         *std::move(file), ++uses_});
        continue;
      }
    }
    if (Status removed = remove_file(path); !removed) {
      return removed;
    }
  }
  drop_surplus();
  return {};
}

Snapshots::Held* Snapshots::find(const raft::FetchChunk& request) {
  for (Held& held : held_) {
    if (held.mark == *request.mark && held.file_id == request.file_id) {
      return &held;
    }
  }
  return nullptr;
}

Snapshots::Held* Snapshots::newest() {
  const auto held = std::max_element(held_.begin(), held_.end(),
                                     [](const Held& a, const Held& b) { return a.mark < b.mark; });
  return held == held_.end() ? nullptr : &*held;
}

bool Snapshots::log_follows(const Held& held) const {
  ReadTransaction view(environment_);
  return held.mark.index >= read_record(view, tables_).compacted.index;
}

std::optional<raft::SnapshotChunk> Snapshots::read(Held& held, std::uint64_t offset,
                                                   std::size_t max_bytes) {
  if (offset >= held.total_bytes) {
    return std::nullopt;
  }
  held.last_used = ++uses_;
  raft::SnapshotChunk chunk;
  chunk.mark = held.mark;
  chunk.file_id = held.file_id;
  chunk.total_bytes = held.total_bytes;
  chunk.offset = offset;
  max_bytes = std::clamp<std::size_t>(max_bytes, 1, kChunkBytesMax);
  std::string data(std::min<std::uint64_t>(max_bytes, held.total_bytes - offset), '\0');
  if (!held.file.read(offset, data)) {
    return std::nullopt;
  }
  chunk.data = raft::Payload(std::move(data));
  return chunk;
}

void Snapshots::fetch(const raft::FetchChunk& request, Answer answer) {
  Held* held = request.mark ? find(request) : newest();
  if (held != nullptr && (request.mark || log_follows(*held))) {
    answer(read(*held, request.mark ? request.offset : 0, request.max_bytes));
    return;
  }
  if (request.mark || (making_ == nullptr && !begin())) {
    answer(std::nullopt);
    return;
  }
  waiting_.push_back({request.max_bytes, std::move(answer)});
}

raft::SnapshotMark Snapshots::newest_mark() const {
  raft::SnapshotMark newest;
  for (const Held& held : held_) {
    newest = std::max(newest, held.mark);
  }
  return newest;
}

void Snapshots::make(raft::Index at_least, Made made) {
  if (newest_mark().index >= at_least) {
    made({});
    return;
  }
  if (making_ == nullptr && !begin()) {
    made(Error{"there is no room for the file"});
    return;
  }
  ordered_.push_back({at_least, std::move(made)});
}

/// One that was begun before it was ordered may be too old: then another one is made.
void Snapshots::answer_ordered(bool done) {
  for (Ordered& order : std::exchange(ordered_, {})) {
    if (done) {
      make(order.at_least, std::move(order.made));
    } else {
      order.made(Error{"the file cannot be written"});
    }
  }
}

bool Snapshots::begin() {
  auto making = std::make_unique<Making>(environment_, tables_, next_file_id_);
  next_file_id_ = hash64("next file", next_file_id_);
  const MDB_stat stat = making->view.stat(making->state);
  const std::uint64_t needed =
      (stat.ms_leaf_pages + stat.ms_branch_pages) * std::uint64_t{stat.ms_psize};
  const DiskSpace space = disk_space(options_.path).value_or(DiskSpace{});
  if (space.available_bytes < needed + options_.spare_bytes) {
    return false;
  }
  making->unfinished_path = in_directory(options_.path, file_name(making->header)) + ".new";
  durable_step("snapshot: create");
  Result<File> file = File::open(making->unfinished_path, File::Mode::kCreate);
  if (!file) {
    return false;
  }
  making->file = *std::move(file);
  making->writer.emplace(*making->file, making->header);
  making->cursor.emplace(making->view, making->state);
  making->more = making->cursor->first();
  making_ = std::move(making);
  return true;
}

Result<bool> Snapshots::write_some() {
  Making& making = *making_;
  const std::uint64_t until = making.writer->bytes() + kStepBytes;
  while (making.more && making.writer->bytes() < until) {
    if (Status added = making.writer->add(making.cursor->key(), making.cursor->value()); !added) {
      return added.error();
    }
    making.more = making.cursor->next();
  }
  if (making.more) {
    return false;
  }
  if (Status written = making.writer->finish(); !written) {
    return written.error();
  }
  return true;
}

void Snapshots::step() {
  ENSURE(is_making());
  const Result<bool> written = write_some();
  if (written && !*written) {
    return;
  }
  const bool done = written && finish().ok();
  if (!done) {
    give_up();
  }
  std::vector<Waiting> waiting = std::exchange(waiting_, {});
  for (Waiting& request : waiting) {
    // The one just made, even if the log has been compacted past it meanwhile: there is no newer.
    Held* held = newest();
    request.answer(done ? read(*held, 0, request.max_bytes) : std::nullopt);
  }
  answer_ordered(done);
}

Status Snapshots::finish() {
  Making& making = *making_;
  making.cursor.reset();
  making.view.reset();
  durable_step("snapshot: sync");
  // It is announced by being fetched: a receiver must find the same file after a power cut here.
  if (Status synced = making.file->sync(); !synced) {
    fatal(synced.error().message);
  }
  const std::string path = in_directory(options_.path, file_name(making.header));
  durable_step("snapshot: rename");
  if (Status renamed = rename_file(making.unfinished_path, path); !renamed) {
    return renamed;
  }
  if (Status synced = sync_directory(options_.path); !synced) {
    fatal(synced.error().message);
  }
  Result<File> file = File::open(path, File::Mode::kRead);
  if (!file) {
    return file.error();
  }
  held_.push_back({making.header.mark(), making.header.file_id, making.writer->bytes(),
                   *std::move(file), ++uses_});
  making_ = nullptr;
  ++made_;
  drop_surplus();
  return {};
}

void Snapshots::give_up() {
  making_->cursor.reset();
  (void)remove_file(making_->unfinished_path);  // what stays is removed at the next start
  making_ = nullptr;
}

void Snapshots::drop_surplus() {
  while (held_.size() > kFilesMax) {
    const Held* kept = newest();
    auto oldest = held_.end();
    for (auto held = held_.begin(); held != held_.end(); ++held) {
      if (&*held != kept && (oldest == held_.end() || held->last_used < oldest->last_used)) {
        oldest = held;
      }
    }
    durable_step("snapshot: remove");
    (void)remove_file(oldest->file.name());
    held_.erase(oldest);
  }
}

}  // namespace ticketd::store
