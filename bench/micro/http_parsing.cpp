// Bytes of HTTP to requests, as clients send them.
#include "bench/micro/parsing.h"
#include "http/parser.h"

namespace ticketd {
namespace {

constexpr std::string_view kBare = "POST / HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kCurl =
    "POST /seq/invoices HTTP/1.1\r\nHost: tickets.example:8000\r\nUser-Agent: curl/7.88.1\r\n"
    "Accept: */*\r\nIdempotency-Key: order-4711\r\nContent-Length: 0\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\n";

void parse_requests(benchmark::State& state, std::string_view request) {
  parse<http::Request, http::NeedMore>(state, http::Parser(http::MessageLimits()), request);
}

void parse_bare_requests(benchmark::State& state) { parse_requests(state, kBare); }
void parse_curl_requests(benchmark::State& state) { parse_requests(state, kCurl); }

BENCHMARK(parse_bare_requests)->ArgName("pipeline")->Arg(1)->Arg(64);
BENCHMARK(parse_curl_requests)->ArgName("pipeline")->Arg(1)->Arg(64);

}  // namespace
}  // namespace ticketd
