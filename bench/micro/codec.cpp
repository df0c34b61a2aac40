// The peer protocol: frames to bytes and back. What a ticket costs here is a share of one
// AppendRequest to each follower and of one AppendResponse from each.
#include "net/codec.h"

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "bench/micro/entries.h"
#include "net/frame_decoder.h"

namespace ticketd {
namespace {

raft::Message append_request(std::uint64_t entries) {
  raft::AppendRequest request;
  request.term = raft::Term(7);
  request.prev_log_index = raft::Index(1'000'000);
  request.prev_log_term = raft::Term(7);
  request.commit_index = raft::Index(1'000'000);
  for (std::uint64_t i = 1; i <= entries; ++i) {
    request.entries.push_back(take_entry(1'000'000 + i, 17));
  }
  return request;
}

raft::Message append_response() {
  raft::AppendResponse response;
  response.term = raft::Term(7);
  response.success = true;
  response.index = raft::Index(1'000'001);
  return response;
}

void encode(benchmark::State& state, const raft::Message& message) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    net::encode(message, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(out.size()) * state.iterations());
}

void decode(benchmark::State& state, const raft::Message& message) {
  std::string bytes;
  net::encode(message, bytes);
  net::FrameDecoder decoder(net::Hearing::kControl);
  for (auto _ : state) {
    decoder.feed(bytes);
    auto frame = decoder.next();
    ENSURE(frame.ok() && frame->has_value());
    benchmark::DoNotOptimize(frame);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes.size()) * state.iterations());
}

void encode_append_request(benchmark::State& state) {
  encode(state, append_request(static_cast<std::uint64_t>(state.range(0))));
}
void decode_append_request(benchmark::State& state) {
  decode(state, append_request(static_cast<std::uint64_t>(state.range(0))));
}
void encode_append_response(benchmark::State& state) { encode(state, append_response()); }
void decode_append_response(benchmark::State& state) { decode(state, append_response()); }

BENCHMARK(encode_append_request)->ArgName("entries")->Arg(1)->Arg(64);
BENCHMARK(decode_append_request)->ArgName("entries")->Arg(1)->Arg(64);
BENCHMARK(encode_append_response);
BENCHMARK(decode_append_response);

}  // namespace
}  // namespace ticketd
