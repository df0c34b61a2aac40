// Appending to the log, in memory and in the journal.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/check.h"
#include "bench/micro/entries.h"
#include "raft/log.h"
#include "store/journal.h"

namespace ticketd {
namespace {

constexpr std::size_t kCachedBytes = 1 << 20;
constexpr store::JournalShape kShape{42, 8 << 20};

/// Takes everything and keeps nothing: what is measured is the journal, not a disk.
class NoFile : public store::BlockFile {
 public:
  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return kShape.file_bytes(); }
  Status read(std::uint64_t, std::span<char>) const override { return {}; }
  Status write(std::uint64_t, std::string_view bytes) override {
    benchmark::DoNotOptimize(bytes.data());
    return {};
  }
  Status sync() override { return {}; }

 private:
  std::string name_ = "nothing";
};

/// A journal in $TMPDIR (else /tmp), which must be a real disk for the figure to mean something.
class TemporaryJournal {
 public:
  TemporaryJournal() {
    const char* temporary = std::getenv("TMPDIR");
    path_ = std::string(temporary != nullptr ? temporary : "/tmp") + "/ticketd-micro." +
            std::to_string(::getpid());
    file_.emplace(store::File::open(path_, store::File::Mode::kCreate).value());
    ENSURE(store::create_journal(*file_, kShape).ok());
  }
  ~TemporaryJournal() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  store::BlockFile& file() { return *file_; }

 private:
  std::string path_;
  std::optional<store::File> file_;
};

/// One entry after the other, as a leader appends them, with the old ones forgotten.
void append_to_log(benchmark::State& state) {
  raft::Log log({}, {}, {raft::ConfigurationAt{}}, raft::Index(0), {});
  raft::Entry entry = take_entry(0, static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state) {
    entry.index = log.last_index() + 1;
    log.append(std::span(&entry, 1));
    log.evict(log.last_index(), kCachedBytes);
  }
}

void save(benchmark::State& state, store::BlockFile& file) {
  store::Journal journal(file, kShape, 1, 1);
  raft::Save save;
  std::uint64_t index = 0;
  for (auto _ : state) {
    save.entries.assign(1, take_entry(++index, static_cast<std::uint64_t>(state.range(0))));
    if (!journal.fits(save)) {
      journal.turn();
      journal.give_back();
    }
    store::Journal::Placed placed = journal.place(save, 0);
    journal.write(placed);
    journal.reuse(std::move(placed.record));
  }
}

void save_without_disk(benchmark::State& state) {
  NoFile file;
  save(state, file);
}

void save_with_flush(benchmark::State& state) {
  TemporaryJournal journal;
  save(state, journal.file());
}

BENCHMARK(append_to_log)->ArgName("requests")->Arg(1)->Arg(64);
BENCHMARK(save_without_disk)->ArgName("requests")->Arg(1)->Arg(64)->Arg(4096);
BENCHMARK(save_with_flush)->ArgName("requests")->Arg(1)->Arg(64)->Arg(4096)->UseRealTime();

}  // namespace
}  // namespace ticketd
