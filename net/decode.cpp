#include <algorithm>

#include "net/archive.h"
#include "net/codec.h"

namespace ticketd::net {

std::uint64_t Reader::out_of_range(const char* name, std::uint64_t read, std::uint64_t first,
                                   std::uint64_t last) {
  noticed(name);
  fail(std::string(name) + " is " + std::to_string(read) + ", which is not in [" +
       std::to_string(first) + ", " + std::to_string(last) + "]");
  return first;
}

void Reader::cut_short(const char* name) {
  fail(std::string(name) + " is cut short, too long or malformed");
}

void Reader::fail(std::string why) {
  if (fault_.empty()) {
    fault_ = std::move(why);
  }
  in_.fail();
}

void Reader::configuration(const char* name, raft::Configuration& value) {
  const std::string_view read = in_.string(kResponseBytesMax);
  noticed(name);
  if (!ok()) {
    return;
  }
  Result<raft::Configuration> decoded = raft::Configuration::decode(read);
  if (!decoded) {
    return fail(std::string(name) + ": " + decoded.error().message);
  }
  value = std::move(*decoded);
}

void Reader::check_configuration(const char* name, const raft::Payload& value) {
  if (!ok()) {
    return;
  }
  const Result<raft::Configuration> decoded = raft::Configuration::decode(value.view());
  if (!decoded) {
    fail(std::string(name) + ": " + decoded.error().message);
  } else if (decoded->empty()) {
    fail(std::string(name) + " is a configuration without members");
  }
}

namespace {

template <class Message>
Message& make_message(std::optional<Frame>& frame) {
  if constexpr (std::is_constructible_v<raft::Message, Message>) {
    Frame& made = frame.emplace(std::in_place_type<raft::Message>, std::in_place_type<Message>);
    return std::get<Message>(std::get<raft::Message>(made));
  } else {
    return std::get<Message>(frame.emplace(std::in_place_type<Message>));
  }
}

template <class Message>
Status decode_message(FrameType type, std::string_view payload, std::optional<Frame>& frame) {
  Reader reader(payload);
  fields(reader, make_message<Message>(frame));
  if (!reader.ok()) {
    return Error{std::string("malformed ") + to_string(type) + ": " + reader.fault()};
  }
  if (reader.remaining() > 0) {
    return Error{std::string("malformed ") + to_string(type) + ": " +
                 std::to_string(reader.remaining()) + " bytes after its end"};
  }
  return {};
}

}  // namespace

Result<Frame> decode(FrameType type, std::string_view payload) {
  std::optional<Frame> frame;
  if (Status status = decode(type, payload, frame); !status) {
    return std::move(status).error();
  }
  return *std::move(frame);
}

Status decode(FrameType type, std::string_view payload, std::optional<Frame>& frame) {
  switch (type) {
    case FrameType::kHello:
      return decode_message<Hello>(type, payload, frame);
    case FrameType::kClientHello:
      return decode_message<ClientHello>(type, payload, frame);
    case FrameType::kWelcome:
      return decode_message<Welcome>(type, payload, frame);
    case FrameType::kRefused:
      return decode_message<Refused>(type, payload, frame);
    case FrameType::kVoteRequest:
      return decode_message<raft::VoteRequest>(type, payload, frame);
    case FrameType::kVoteResponse:
      return decode_message<raft::VoteResponse>(type, payload, frame);
    case FrameType::kAppendRequest:
      return decode_message<raft::AppendRequest>(type, payload, frame);
    case FrameType::kAppendResponse:
      return decode_message<raft::AppendResponse>(type, payload, frame);
    case FrameType::kHeartbeatRequest:
      return decode_message<raft::HeartbeatRequest>(type, payload, frame);
    case FrameType::kHeartbeatResponse:
      return decode_message<raft::HeartbeatResponse>(type, payload, frame);
    case FrameType::kSnapshotRequest:
      return decode_message<raft::SnapshotRequest>(type, payload, frame);
    case FrameType::kSnapshotResponse:
      return decode_message<raft::SnapshotResponse>(type, payload, frame);
    case FrameType::kTimeoutNowRequest:
      return decode_message<raft::TimeoutNowRequest>(type, payload, frame);
    case FrameType::kMemberStatus:
      return decode_message<MemberStatus>(type, payload, frame);
    case FrameType::kRequest:
      return decode_message<Request>(type, payload, frame);
    case FrameType::kResponse:
      return decode_message<Response>(type, payload, frame);
  }
  return Error{"frame type " + std::to_string(static_cast<int>(type)) + " is unknown"};
}

const char* to_string(FrameType type) {
  switch (type) {
    case FrameType::kHello:
      return "Hello";
    case FrameType::kClientHello:
      return "ClientHello";
    case FrameType::kWelcome:
      return "Welcome";
    case FrameType::kRefused:
      return "Refused";
    case FrameType::kVoteRequest:
      return "VoteRequest";
    case FrameType::kVoteResponse:
      return "VoteResponse";
    case FrameType::kAppendRequest:
      return "AppendRequest";
    case FrameType::kAppendResponse:
      return "AppendResponse";
    case FrameType::kHeartbeatRequest:
      return "HeartbeatRequest";
    case FrameType::kHeartbeatResponse:
      return "HeartbeatResponse";
    case FrameType::kSnapshotRequest:
      return "SnapshotRequest";
    case FrameType::kSnapshotResponse:
      return "SnapshotResponse";
    case FrameType::kTimeoutNowRequest:
      return "TimeoutNowRequest";
    case FrameType::kMemberStatus:
      return "MemberStatus";
    case FrameType::kRequest:
      return "Request";
    case FrameType::kResponse:
      return "Response";
  }
  return nullptr;
}

}  // namespace ticketd::net
