// The replicated machine: log entries to tickets.
#include <benchmark/benchmark.h>

#include <unordered_map>

#include "bench/micro/entries.h"
#include "ticket/machine.h"

namespace ticketd {
namespace {

/// Records in memory, so that what is measured is the machine.
class MemoryState : public ticket::State {
 public:
  std::optional<std::string> find(std::string_view key) override {
    const auto found = records_.find(std::string(key));
    return found == records_.end() ? std::nullopt : std::optional(found->second);
  }
  void put(std::string_view key, std::string_view value) override {
    records_.insert_or_assign(std::string(key), std::string(value));
  }
  void remove(std::string_view key) override { records_.erase(std::string(key)); }
  std::vector<Record> list(const ticket::ListRange&) override { return {}; }
  bool is_warm(std::string_view) override { return true; }

 private:
  std::unordered_map<std::string, std::string> records_;
};

void apply(benchmark::State& state, const std::vector<ticket::Batch>& batches,
           std::size_t requests) {
  MemoryState records;
  ticket::Machine machine(records, {});
  raft::Index index;
  std::size_t turn = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        machine.apply(++index, raft::Term(1), &batches[turn++ % batches.size()]));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(requests) * state.iterations());
}

/// Requests that waited together for numbers of the unnamed sequence.
void apply_tickets(benchmark::State& state) {
  const auto requests = static_cast<std::uint64_t>(state.range(0));
  apply(state, {take_batch(requests)}, requests);
}

/// One request an entry, each for another of so many sequences.
void apply_sequences(benchmark::State& state) {
  std::vector<ticket::Batch> batches;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    batches.push_back(take_batch(1));
    batches.back().operations.front().sequence =
        "tenant/" + std::to_string(i * 7919 % state.range(0));
  }
  apply(state, batches, 1);
}

void encode_batch(benchmark::State& state) {
  const ticket::Batch batch = take_batch(static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(ticket::encode(batch));
  }
}

void decode_batch(benchmark::State& state) {
  const std::string bytes = ticket::encode(take_batch(static_cast<std::uint64_t>(state.range(0))));
  for (auto _ : state) {
    benchmark::DoNotOptimize(ticket::decode_batch(bytes));
  }
}

BENCHMARK(apply_tickets)->ArgName("requests")->Arg(1)->Arg(64)->Arg(4096);
BENCHMARK(apply_sequences)->ArgName("sequences")->Arg(1000)->Arg(100'000);
BENCHMARK(encode_batch)->ArgName("requests")->Arg(1)->Arg(64);
BENCHMARK(decode_batch)->ArgName("requests")->Arg(1)->Arg(64);

}  // namespace
}  // namespace ticketd
