// Bytes of HTTP to requests, as clients send them.
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "http/parser.h"

namespace ticketd {
namespace {

constexpr std::string_view kBare = "POST / HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kCurl =
    "POST /seq/invoices HTTP/1.1\r\nHost: tickets.example:8000\r\nUser-Agent: curl/7.88.1\r\n"
    "Accept: */*\r\nIdempotency-Key: order-4711\r\nContent-Length: 0\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\n";

/// `count` requests that came with one read.
void parse(benchmark::State& state, std::string_view request, std::int64_t count) {
  std::string bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    bytes += request;
  }
  http::Parser parser{http::MessageLimits()};
  for (auto _ : state) {
    std::string_view input = bytes;
    for (std::int64_t i = 0; i < count; ++i) {
      http::Parsed parsed = parser.next(input);
      ENSURE(std::holds_alternative<http::Request>(parsed));
      benchmark::DoNotOptimize(parsed);
    }
    ENSURE(std::holds_alternative<http::NeedMore>(parser.next(input)));
  }
  state.SetItemsProcessed(count * state.iterations());
}

void parse_bare_requests(benchmark::State& state) { parse(state, kBare, state.range(0)); }
void parse_curl_requests(benchmark::State& state) { parse(state, kCurl, state.range(0)); }

BENCHMARK(parse_bare_requests)->ArgName("pipeline")->Arg(1)->Arg(64);
BENCHMARK(parse_curl_requests)->ArgName("pipeline")->Arg(1)->Arg(64);

}  // namespace
}  // namespace ticketd
