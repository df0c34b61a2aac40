#include "ticket/command.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/utf8.h"

namespace ticketd::ticket {

namespace {

constexpr std::uint8_t kBatchType = 1;
constexpr std::uint8_t kKeyed = 0x80;

bool has_keys(const Batch& batch) {
  return std::any_of(batch.operations.begin(), batch.operations.end(),
                     [](const Operation& operation) { return !operation.key.empty(); });
}

/// What must hold of an operation besides the range of its values' number.
bool is_valid(const Operation& operation) {
  const auto& [kind, sequence, values, key] = operation;
  if (sequence.size() > kMaxNameBytes || values.empty()) {
    return false;
  }
  const bool may_have_key = kind == Kind::kTake || kind == Kind::kAdvance;
  if (!key.empty() && (!is_key(key) || values.size() != 1 || !may_have_key)) {
    return false;
  }
  switch (kind) {
    case Kind::kTake:
      return std::all_of(values.begin(), values.end(),
                         [](std::uint64_t count) { return count >= 1 && count <= kMaxCount; });
    case Kind::kAdvance:
      return values.size() == 1;
    case Kind::kRemove:
      return values.size() == 1 && values.front() == 0 && !sequence.empty();
    case Kind::kRaiseBeginning:
      return values.size() == 1 && sequence.empty();
  }
  return false;
}

void write(ByteWriter& out, const Operation& operation) {
  ENSURE(is_valid(operation));
  const bool keyed = !operation.key.empty();
  out.u8(
      static_cast<std::uint8_t>(static_cast<std::uint8_t>(operation.kind) | (keyed ? kKeyed : 0)));
  out.string(operation.sequence);
  if (operation.kind == Kind::kTake) {
    out.varint(operation.values.size());
  }
  if (operation.kind != Kind::kRemove) {
    for (const std::uint64_t value : operation.values) {
      out.varint(value);
    }
  }
  if (keyed) {
    out.string(operation.key);
  }
}

/// At most `requests_left` requests, which it lowers.
Operation read_operation(ByteReader& in, std::size_t& requests_left) {
  Operation operation;
  const std::uint8_t kind = in.u8();
  operation.kind = static_cast<Kind>(kind & ~kKeyed);
  operation.sequence = in.string(kMaxNameBytes);
  const std::uint64_t count = operation.kind == Kind::kTake ? in.varint() : 1;
  // Each value takes a byte or more: a length beyond the end allocates nothing.
  const bool fits = operation.kind == Kind::kRemove || count <= in.remaining();
  if (count > requests_left || !fits) {
    in.fail();
    return operation;
  }
  requests_left -= static_cast<std::size_t>(count);
  operation.values.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    operation.values.push_back(operation.kind == Kind::kRemove ? 0 : in.varint());
  }
  if ((kind & kKeyed) != 0) {
    operation.key = in.string(kMaxKeyBytes);
    if (operation.key.empty()) {
      in.fail();
    }
  }
  if (in.ok() && !is_valid(operation)) {
    in.fail();
  }
  return operation;
}

Result<Batch> read_batch(ByteReader& in) {
  Batch batch;
  batch.stamp_us = in.varint();
  const std::uint8_t has_limits = in.u8();
  if (has_limits == 1) {
    batch.limits.age_us = in.varint();
    batch.limits.keys = in.varint();
  }
  const std::uint64_t operations = in.varint();
  std::size_t requests_left = kMaxRequestsPerBatch;
  if (operations == 0 || operations > requests_left || has_limits > 1) {
    in.fail();
  }
  for (std::uint64_t i = 0; i < operations && in.ok(); ++i) {
    batch.operations.push_back(read_operation(in, requests_left));
  }
  if (in.ok() && has_keys(batch) != (has_limits == 1)) {
    in.fail();
  }
  if (!in.at_end()) {
    return Error{in.ok()
                     ? "a ticket command has " + std::to_string(in.remaining()) + " bytes too many"
                     : "a ticket command is cut short or has a value out of range"};
  }
  return batch;
}

}  // namespace

Status judge_name(std::string_view name) {
  const std::string most = std::to_string(kMaxNameBytes);
  if (name.empty()) {
    return Error{"the key is empty: it must have 1 to " + most + " bytes"};
  }
  if (name.size() > kMaxNameBytes) {
    return Error{"the key has " + std::to_string(name.size()) + " bytes: it may have " + most};
  }
  if (!is_utf8(name)) {
    return Error{"the key is not UTF-8"};
  }
  return {};
}

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= kMaxKeyBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::size_t Batch::requests() const {
  std::size_t requests = 0;
  for (const Operation& operation : operations) {
    requests += operation.values.size();
  }
  return requests;
}

std::string encode(const Batch& batch) {
  ENSURE(!batch.operations.empty());
  ByteWriter out;
  out.u8(kBatchType);
  out.u8(kCommandVersion);
  out.varint(batch.stamp_us);
  const bool keyed = has_keys(batch);
  out.u8(keyed ? 1 : 0);
  if (keyed) {
    out.varint(batch.limits.age_us);
    out.varint(batch.limits.keys);
  }
  out.varint(batch.operations.size());
  for (const Operation& operation : batch.operations) {
    write(out, operation);
  }
  ENSURE_LE(batch.requests(), kMaxRequestsPerBatch);
  return out.take();
}

Result<Batch> decode_batch(std::string_view bytes) {
  ByteReader in(bytes);
  const std::uint8_t type = in.u8();
  const std::uint8_t version = in.u8();
  if (!in.ok()) {
    return Error{"a command of " + std::to_string(bytes.size()) +
                 " bytes is too short for a type and a version"};
  }
  if (type != kBatchType) {
    return Error{"unknown command type " + std::to_string(type) + " (version " +
                 std::to_string(version) + ")"};
  }
  if (version != kCommandVersion) {
    return Error{"unknown version " + std::to_string(version) + " of command type " +
                 std::to_string(type) + ", this build knows version " +
                 std::to_string(kCommandVersion)};
  }
  return read_batch(in);
}

}  // namespace ticketd::ticket
