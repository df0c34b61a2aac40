#include "ticket/command.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace ticketd::ticket {

namespace {

constexpr std::uint8_t kTakeBatchType = 1;

void write(ByteWriter& out, const TakeBatch& batch) {
  ENSURE(!batch.steps.empty());
  out.u8(kTakeBatchType);
  out.u8(kCommandVersion);
  out.varint(batch.stamp_us);
  out.varint(batch.steps.size());
  std::size_t requests = 0;
  for (const Step& step : batch.steps) {
    ENSURE_LE(step.sequence.size(), kMaxNameBytes);
    ENSURE(!step.counts.empty());
    requests += step.counts.size();
    out.string(step.sequence);
    out.varint(step.counts.size());
    for (const std::uint64_t count : step.counts) {
      ENSURE_GE(count, 1);
      ENSURE_LE(count, kMaxCount);
      out.varint(count);
    }
  }
  ENSURE_LE(requests, kMaxRequestsPerBatch);
}

/// At most `requests_left` counts, which it lowers.
Step read_step(ByteReader& in, std::size_t& requests_left) {
  Step step;
  step.sequence = in.string(kMaxNameBytes);
  const std::uint64_t counts = in.varint();
  // Each count takes a byte or more: a length beyond the end allocates nothing.
  if (counts == 0 || counts > requests_left || counts > in.remaining()) {
    in.fail();
    return step;
  }
  requests_left -= static_cast<std::size_t>(counts);
  step.counts.reserve(static_cast<std::size_t>(counts));
  for (std::uint64_t i = 0; i < counts; ++i) {
    const std::uint64_t count = in.varint();
    if (count == 0 || count > kMaxCount) {
      in.fail();
    }
    step.counts.push_back(count);
  }
  return step;
}

Result<Command> read_take_batch(ByteReader& in) {
  TakeBatch batch;
  batch.stamp_us = in.varint();
  const std::uint64_t steps = in.varint();
  std::size_t requests_left = kMaxRequestsPerBatch;
  if (steps == 0 || steps > requests_left) {
    in.fail();
  }
  for (std::uint64_t i = 0; i < steps && in.ok(); ++i) {
    batch.steps.push_back(read_step(in, requests_left));
  }
  if (!in.at_end()) {
    return Error{in.ok()
                     ? "a take command has " + std::to_string(in.remaining()) + " bytes too many"
                     : "a take command is cut short or has a value out of range"};
  }
  return Command(std::move(batch));
}

}  // namespace

std::string encode(const Command& command) {
  ByteWriter out;
  std::visit([&out](const auto& value) { write(out, value); }, command);
  return out.take();
}

Result<Command> decode_command(std::string_view bytes) {
  ByteReader in(bytes);
  const std::uint8_t type = in.u8();
  const std::uint8_t version = in.u8();
  if (!in.ok()) {
    return Error{"a command of " + std::to_string(bytes.size()) +
                 " bytes is too short for a type and a version"};
  }
  if (type != kTakeBatchType) {
    return Error{"unknown command type " + std::to_string(type) + " (version " +
                 std::to_string(version) + ")"};
  }
  if (version != kCommandVersion) {
    return Error{"unknown version " + std::to_string(version) + " of command type " +
                 std::to_string(type) + ", this build knows version " +
                 std::to_string(kCommandVersion)};
  }
  return read_take_batch(in);
}

}  // namespace ticketd::ticket
