// Requests as bytes, to be parsed again and again.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/check.h"

namespace ticketd {

/// `count` requests that came with one read.
inline std::string came_together(std::string_view request, std::int64_t count) {
  std::string bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    bytes += request;
  }
  return bytes;
}

/// Each of them is a Whole, and then the parser says NeedMore.
template <class Whole, class NeedMore, class Parser>
void parse(benchmark::State& state, Parser parser, std::string_view request) {
  const std::int64_t count = state.range(0);
  const std::string bytes = came_together(request, count);
  for (auto _ : state) {
    std::string_view input = bytes;
    for (std::int64_t i = 0; i < count; ++i) {
      auto parsed = parser.next(input);
      ENSURE(std::holds_alternative<Whole>(parsed));
      benchmark::DoNotOptimize(parsed);
    }
    ENSURE(std::holds_alternative<NeedMore>(parser.next(input)));
  }
  state.SetItemsProcessed(count * state.iterations());
}

}  // namespace ticketd
