// Bytes of RESP to requests, as clients send them.
#include "bench/micro/parsing.h"
#include "redis/parser.h"

namespace ticketd {
namespace {

constexpr std::string_view kTicket = "*1\r\n$6\r\nTICKET\r\n";
constexpr std::string_view kSequence =
    "*4\r\n$6\r\nTICKET\r\n$8\r\ninvoices\r\n$10\r\nIDEMPOTENT\r\n$10\r\norder-4711\r\n";

void parse_requests(benchmark::State& state, std::string_view request) {
  parse<redis::Arguments, redis::NeedMore>(state, redis::Parser(redis::RequestLimits()), request);
}

void parse_tickets(benchmark::State& state) { parse_requests(state, kTicket); }
void parse_sequences(benchmark::State& state) { parse_requests(state, kSequence); }

/// As a pipeline of one command is taken: the first request is parsed, the others compared with it.
void parse_repeats(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::string bytes = came_together(kTicket, state.range(0));
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
