#include <utility>

#include "base/hash.h"
#include "net/archive.h"
#include "net/codec.h"

namespace ticketd::net {

namespace {

constexpr FrameType type_for(const Hello&) { return FrameType::kHello; }
constexpr FrameType type_for(const ClientHello&) { return FrameType::kClientHello; }
constexpr FrameType type_for(const Welcome&) { return FrameType::kWelcome; }
constexpr FrameType type_for(const Refused&) { return FrameType::kRefused; }
constexpr FrameType type_for(const raft::VoteRequest&) { return FrameType::kVoteRequest; }
constexpr FrameType type_for(const raft::VoteResponse&) { return FrameType::kVoteResponse; }
constexpr FrameType type_for(const raft::AppendRequest&) { return FrameType::kAppendRequest; }
constexpr FrameType type_for(const raft::AppendResponse&) { return FrameType::kAppendResponse; }
constexpr FrameType type_for(const raft::HeartbeatRequest&) { return FrameType::kHeartbeatRequest; }
constexpr FrameType type_for(const raft::HeartbeatResponse&) {
  return FrameType::kHeartbeatResponse;
}
constexpr FrameType type_for(const raft::SnapshotRequest&) { return FrameType::kSnapshotRequest; }
constexpr FrameType type_for(const raft::SnapshotResponse&) { return FrameType::kSnapshotResponse; }
constexpr FrameType type_for(const raft::TimeoutNowRequest&) {
  return FrameType::kTimeoutNowRequest;
}
constexpr FrameType type_for(const MemberStatus&) { return FrameType::kMemberStatus; }
constexpr FrameType type_for(const Request&) { return FrameType::kRequest; }
constexpr FrameType type_for(const Response&) { return FrameType::kResponse; }

// Without loops, so that the compiler sees one store, or one load.
template <class Unsigned, std::size_t... I>
void put_bytes(char* place, Unsigned value, std::index_sequence<I...>) {
  ((place[I] = static_cast<char>((value >> (8 * I)) & 0xff)), ...);
}

template <class Unsigned>
void put(char* place, Unsigned value) {
  put_bytes(place, value, std::make_index_sequence<sizeof value>());
}

template <std::size_t... I>
std::uint64_t number_in(const char* place, std::index_sequence<I...>) {
  return ((std::uint64_t{static_cast<unsigned char>(place[I])} << (8 * I)) | ...);
}

/// The payload is written behind a gap for the header, which needs its length and checksum.
template <class Message>
void encode_message(const Message& message, std::string& out) {
  const std::size_t begin = out.size();
  out.append(kHeaderBytes, '\0');
  Writer writer(out);
  fields(writer, message);
  ENSURE_MSG(writer.ok(), writer.fault());

  const std::size_t length = out.size() - begin - kHeaderBytes;
  ENSURE_LE(length, kMemberBytesMax);
  const auto type = static_cast<std::uint8_t>(type_for(message));
  char* const header = out.data() + begin;
  kMagic.copy(header, kMagic.size());
  put(header + kVersionOffset, kProtocolVersion);
  put(header + kTypeOffset, type);
  const auto length_field = static_cast<std::uint32_t>(length);
  put(header + kCheckOffset, header_check(kProtocolVersion, type, length_field));
  put(header + kLengthOffset, length_field);
  const std::string_view frame = std::string_view(out).substr(begin);
  put(header + kChecksumOffset, payload_checksum(frame, frame.substr(kHeaderBytes)));
}

}  // namespace

void encode(const Hello& message, std::string& out) { encode_message(message, out); }
void encode(const ClientHello& message, std::string& out) { encode_message(message, out); }
void encode(const Welcome& message, std::string& out) { encode_message(message, out); }
void encode(const Refused& message, std::string& out) { encode_message(message, out); }
void encode(const MemberStatus& message, std::string& out) { encode_message(message, out); }
void encode(const Request& message, std::string& out) { encode_message(message, out); }
void encode(const Response& message, std::string& out) { encode_message(message, out); }

void encode(const raft::Message& message, std::string& out) {
  std::visit([&out](const auto& each) { encode_message(each, out); }, message);
}

void encode(const Frame& frame, std::string& out) {
  std::visit([&out](const auto& each) { encode(each, out); }, frame);
}

Status check(const Call& call) {
  std::string bytes;
  Writer writer(bytes);
  writer.alternative("kind", call);
  if (!writer.ok()) {
    return Error{writer.fault()};
  }
  return {};
}

FrameType type_of(const Frame& frame) {
  if (const auto* message = std::get_if<raft::Message>(&frame)) {
    return std::visit([](const auto& each) { return type_for(each); }, *message);
  }
  return std::visit(
      [](const auto& each) {
        if constexpr (std::is_same_v<decltype(each), const raft::Message&>) {
          return FrameType{};  // taken above
        } else {
          return type_for(each);
        }
      },
      frame);
}

std::uint16_t header_check(std::uint8_t version, std::uint8_t type, std::uint32_t length) {
  char covered[6];
  put(covered, version);
  put(covered + 1, type);
  put(covered + 2, length);
  return static_cast<std::uint16_t>(hash64({covered, sizeof covered}) & 0xffff);
}

std::uint64_t payload_checksum(std::string_view header, std::string_view payload) {
  constexpr auto kSeedBytes = std::make_index_sequence<kChecksumOffset - kVersionOffset>();
  return hash64(payload, number_in(header.data() + kVersionOffset, kSeedBytes));
}

}  // namespace ticketd::net
