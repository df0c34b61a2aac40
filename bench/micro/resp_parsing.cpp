// Bytes of RESP to requests, as clients send them.
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "redis/parser.h"

namespace ticketd {
namespace {

constexpr std::string_view kTicket = "*1\r\n$6\r\nTICKET\r\n";
constexpr std::string_view kSequence =
    "*4\r\n$6\r\nTICKET\r\n$8\r\ninvoices\r\n$10\r\nIDEMPOTENT\r\n$10\r\norder-4711\r\n";

/// `count` requests that came with one read.
void parse(benchmark::State& state, std::string_view request, std::int64_t count) {
  std::string bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    bytes += request;
  }
  redis::Parser parser{redis::RequestLimits()};
  for (auto _ : state) {
    std::string_view input = bytes;
    for (std::int64_t i = 0; i < count; ++i) {
      redis::Parsed parsed = parser.next(input);
      ENSURE(std::holds_alternative<redis::Arguments>(parsed));
      benchmark::DoNotOptimize(parsed);
    }
    ENSURE(std::holds_alternative<redis::NeedMore>(parser.next(input)));
  }
  state.SetItemsProcessed(count * state.iterations());
}

void parse_tickets(benchmark::State& state) { parse(state, kTicket, state.range(0)); }
void parse_sequences(benchmark::State& state) { parse(state, kSequence, state.range(0)); }

/// As a pipeline of one command is taken: the first request is parsed, the others compared with it.
void parse_repeats(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) {
    bytes += kTicket;
  }
  redis::Parser parser{redis::RequestLimits()};
  for (auto _ : state) {
    std::string_view input = bytes;
    ENSURE(std::holds_alternative<redis::Arguments>(parser.next(input)));
    ENSURE_EQ(parser.take_repeats(input, count), count - 1);
  }
  state.SetItemsProcessed(state.range(0) * state.iterations());
}

BENCHMARK(parse_tickets)->ArgName("pipeline")->Arg(1)->Arg(64);
BENCHMARK(parse_sequences)->ArgName("pipeline")->Arg(1)->Arg(64);
BENCHMARK(parse_repeats)->ArgName("pipeline")->Arg(64);

}  // namespace
}  // namespace ticketd
