#include "net/frame_decoder.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "net/codec.h"

namespace ticketd::net {

namespace {

/// A buffer that grew past this for one large frame is given back once it is empty.
constexpr std::size_t kKeptBytes = 1 << 20;

bool may_come(Hearing hearing, FrameType type) {
  switch (hearing) {
    case Hearing::kGreeting:
      return type == FrameType::kHello || type == FrameType::kClientHello;
    case Hearing::kGreetingAnswer:
      return type == FrameType::kWelcome || type == FrameType::kRefused;
    case Hearing::kControl:
      return (type >= FrameType::kVoteRequest && type <= FrameType::kTimeoutNowRequest &&
              type != FrameType::kSnapshotRequest) ||
             type == FrameType::kMemberStatus || type == FrameType::kRequest;
    case Hearing::kBulk:
      return type == FrameType::kSnapshotRequest;
    case Hearing::kRequests:
      return type == FrameType::kRequest;
    case Hearing::kResponses:
      return type == FrameType::kResponse;
  }
  UNREACHABLE("a Hearing that is none");
}

std::size_t payload_max(Hearing hearing) {
  switch (hearing) {
    case Hearing::kGreeting:
    case Hearing::kGreetingAnswer:
      return kHandshakeBytesMax;
    case Hearing::kControl:
    case Hearing::kBulk:
      return kMemberBytesMax;
    case Hearing::kRequests:
      return kClientBytesMax;
    case Hearing::kResponses:
      return kResponseBytesMax;
  }
  UNREACHABLE("a Hearing that is none");
}

std::uint8_t byte_at(std::string_view bytes, std::size_t offset) {
  return static_cast<std::uint8_t>(bytes[offset]);
}

std::uint32_t length_in(std::string_view header) {
  return ByteReader(header.substr(kLengthOffset)).u32();
}

}  // namespace

FrameDecoder::Space FrameDecoder::prepare(std::size_t bytes) {
  if (capacity_ - end_ < bytes) {
    const std::size_t held = buffered();
    if (capacity_ - held >= bytes && begin_ >= held) {
      std::memcpy(buffer_.get(), buffer_.get() + begin_, held);
    } else {
      // Doubling keeps the copying of a frame that comes in pieces linear in its size.
      capacity_ = std::max(held + bytes, 2 * held);
      std::unique_ptr<char[]> larger(new char[capacity_]);
      if (held > 0) {
        std::memcpy(larger.get(), buffer_.get() + begin_, held);
      }
      buffer_ = std::move(larger);
    }
    begin_ = 0;
    end_ = held;
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

void FrameDecoder::commit(std::size_t bytes) {
  ENSURE_LE(bytes, capacity_ - end_);
  end_ += bytes;
}

void FrameDecoder::feed(std::string_view bytes) {
  if (!bytes.empty()) {
    std::memcpy(prepare(bytes.size()).data, bytes.data(), bytes.size());
    commit(bytes.size());
  }
}

Status FrameDecoder::check_header(std::string_view bytes) const {
  const std::size_t magic = std::min(bytes.size(), kMagic.size());
  if (bytes.substr(0, magic) != kMagic.substr(0, magic)) {
    return Error{"this is not the peer protocol: it begins with " +
                 check_detail::quoted(bytes.substr(0, 16))};
  }
  if (bytes.size() > kVersionOffset && byte_at(bytes, kVersionOffset) != kProtocolVersion) {
    return Error{"protocol version " + std::to_string(byte_at(bytes, kVersionOffset)) +
                 " is not spoken here, this is version " + std::to_string(kProtocolVersion) +
                 ": let all nodes and commands run the same version of ticketd"};
  }
  if (bytes.size() < kHeaderBytes) {
    return {};
  }
  const std::uint8_t type = byte_at(bytes, kTypeOffset);
  const std::uint32_t length = length_in(bytes);
  const std::uint16_t check = ByteReader(bytes.substr(kCheckOffset)).u16();
  if (check != header_check(byte_at(bytes, kVersionOffset), type, length)) {
    return Error{"a frame header is damaged"};
  }
  const char* name = to_string(static_cast<FrameType>(type));
  if (name == nullptr) {
    return Error{"frame type " + std::to_string(type) + " is unknown"};
  }
  if (!may_come(hearing_, static_cast<FrameType>(type))) {
    return Error{std::string("a ") + name + " is out of place here"};
  }
  if (length > payload_max(hearing_)) {
    return Error{std::string("a ") + name + " of " + std::to_string(length) +
                 " bytes is longer than the " + std::to_string(payload_max(hearing_)) +
                 " that are taken"};
  }
  return {};
}

Result<std::optional<Frame>> FrameDecoder::next() {
  Result<std::optional<Frame>> frame = std::optional<Frame>();
  if (!fault_) {
    if (Status status = take(*frame); !status) {
      fault_ = std::move(status).error();
    }
  }
  if (fault_) {
    frame = *fault_;
  }
  return frame;
}

Status FrameDecoder::take(std::optional<Frame>& frame) {
  const std::string_view bytes = unread();
  if (Status status = check_header(bytes); !status) {
    return status;
  }
  if (bytes.size() < kHeaderBytes || bytes.size() - kHeaderBytes < length_in(bytes)) {
    if (bytes.empty() && capacity_ > kKeptBytes) {
      buffer_.reset();
      capacity_ = begin_ = end_ = 0;
    }
    return {};
  }
  const std::string_view payload = bytes.substr(kHeaderBytes, length_in(bytes));
  const std::uint64_t checksum = ByteReader(bytes.substr(kChecksumOffset)).u64();
  const auto type = static_cast<FrameType>(byte_at(bytes, kTypeOffset));
  if (checksum != payload_checksum(bytes, payload)) {
    return Error{std::string("the checksum of a ") + to_string(type) +
                 " is wrong: it was damaged on the way"};
  }
  if (Status status = decode(type, payload, frame); !status) {
    return status;
  }
  begin_ += kHeaderBytes + payload.size();
  if (begin_ == end_) {
    begin_ = end_ = 0;
  }
  return {};
}

}  // namespace ticketd::net
