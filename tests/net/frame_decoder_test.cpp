#include "net/frame_decoder.h"

#include <doctest/doctest.h>

#include "net/codec.h"
#include "tests/net/samples.h"

namespace ticketd::net {
namespace {

std::string encoded(const Frame& frame) {
  std::string bytes;
  encode(frame, bytes);
  return bytes;
}

std::string fault_after(Hearing hearing, std::string_view bytes) {
  FrameDecoder decoder(hearing);
  decoder.feed(bytes);
  const auto next = decoder.next();
  return next ? "" : next.error().message;
}

/// A header with right check and checksum for an empty payload, but any type and length.
std::string header(std::uint8_t type, std::uint32_t length) {
  std::string bytes = encoded(ClientHello{});
  bytes[kTypeOffset] = static_cast<char>(type);
  const std::uint16_t check = header_check(kProtocolVersion, type, length);
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[kLengthOffset + i] = static_cast<char>(length >> (8 * i));
  }
  for (std::size_t i = 0; i < 2; ++i) {
    bytes[kCheckOffset + i] = static_cast<char>(check >> (8 * i));
  }
  return bytes;
}

TEST_CASE("at each stage only what belongs there is heard") {
  struct Stage {
    Hearing hearing;
    std::vector<std::string> heard;
  };
  const std::vector<std::string> requests = {
      "Request Change", "Request Lookup", "Request Listing",  "Request Status", "Request Members",
      "Request Join",   "Request Remove", "Request Transfer", "Request Leave"};
  std::vector<std::string> control = {"VoteRequest",       "VoteResponse",     "AppendRequest",
                                      "AppendResponse",    "MemberStatus",     "HeartbeatRequest",
                                      "HeartbeatResponse", "SnapshotResponse", "TimeoutNowRequest"};
  control.insert(control.end(), requests.begin(), requests.end());
  const std::vector<Stage> stages = {
      {Hearing::kGreeting, {"Hello", "ClientHello"}},
      {Hearing::kGreetingAnswer, {"Welcome", "Refused"}},
      {Hearing::kControl, control},
      {Hearing::kBulk, {"SnapshotRequest"}},
      {Hearing::kRequests, requests},
      {Hearing::kResponses,
       {"Response Change", "Response Query", "Response Status", "Response Members", "Response Join",
        "Response Done", "Response Error"}}};
  for (const Stage& stage : stages) {
    for (const Sample& each : samples()) {
      CAPTURE(static_cast<int>(stage.hearing));
      CAPTURE(each.name);
      const bool heard =
          std::find(stage.heard.begin(), stage.heard.end(), each.name) != stage.heard.end();
      const std::string fault = fault_after(stage.hearing, encoded(each.frame));
      CHECK((fault.empty() == heard));
      CHECK((heard || fault.find("is out of place here") != std::string::npos));
    }
  }
}

TEST_CASE("what is heard changes from the next frame on") {
  FrameDecoder decoder(Hearing::kGreeting);
  decoder.feed(encoded(ClientHello{}) + encoded(sample("Request Change")));
  CHECK(decoder.next()->has_value());
  decoder.hear(Hearing::kRequests);
  CHECK(decoder.next()->has_value());
  decoder.feed(encoded(ClientHello{}));
  CHECK(decoder.next().error().message == "a ClientHello is out of place here");
}

TEST_CASE("another protocol is known by its first bytes") {
  CHECK(fault_after(Hearing::kGreeting, "GET / HTTP/1.1\r\n") ==
        "this is not the peer protocol: it begins with \"GET / HTTP/1.1\\x0d\\x0a\"");
  CHECK(fault_after(Hearing::kGreeting, "\x16").find("not the peer protocol") != std::string::npos);
  CHECK(fault_after(Hearing::kGreeting, "tk") == "");
  for (const char* version : {"1", "3"}) {
    const std::string bytes = "tktd" + std::string(1, static_cast<char>(*version - '0'));
    CHECK(fault_after(Hearing::kGreeting, bytes) ==
          "protocol version " + std::string(version) +
              " is not spoken here, this is version 2: let all nodes and commands run the same "
              "version of ticketd");
  }
}

TEST_CASE("unknown types and damaged headers are refused before their payload comes") {
  CHECK(fault_after(Hearing::kControl, header(0x77, 5)) == "frame type 119 is unknown");
  CHECK(fault_after(Hearing::kControl, header(0x00, 5)) == "frame type 0 is unknown");
  std::string damaged = header(0x10, 5);
  damaged[kLengthOffset] = 6;
  CHECK(fault_after(Hearing::kControl, damaged) == "a frame header is damaged");
}

TEST_CASE("a frame that claims more than its stage allows is refused by its header") {
  struct Bound {
    Hearing hearing;
    FrameType type;
    std::size_t max;
  };
  for (const Bound& bound :
       {Bound{Hearing::kGreeting, FrameType::kHello, kHandshakeBytesMax},
        Bound{Hearing::kGreetingAnswer, FrameType::kRefused, kHandshakeBytesMax},
        Bound{Hearing::kRequests, FrameType::kRequest, kClientBytesMax},
        Bound{Hearing::kResponses, FrameType::kResponse, kResponseBytesMax},
        Bound{Hearing::kControl, FrameType::kAppendRequest, kMemberBytesMax},
        Bound{Hearing::kBulk, FrameType::kSnapshotRequest, kMemberBytesMax}}) {
    const auto type = static_cast<std::uint8_t>(bound.type);
    const auto max = static_cast<std::uint32_t>(bound.max);
    CHECK(fault_after(bound.hearing, header(type, max)) == "");
    CHECK(fault_after(bound.hearing, header(type, max + 1)).find("is longer than the") !=
          std::string::npos);
    CHECK(fault_after(bound.hearing, header(type, 0xffffffff)).find("is longer than the") !=
          std::string::npos);
  }
}

TEST_CASE("a claimed length sets no memory aside") {
  FrameDecoder decoder(Hearing::kControl);
  decoder.feed(header(static_cast<std::uint8_t>(FrameType::kAppendRequest), kMemberBytesMax));
  CHECK(decoder.next().ok());
  CHECK(decoder.capacity() < 100);
  decoder.feed(std::string(1000, 'x'));
  CHECK(decoder.capacity() < 4000);
}

TEST_CASE("a long stream is held in little memory, and that of a large frame is given back") {
  raft::AppendRequest large;
  large.term = raft::Term(1);
  large.entries = {{raft::Index(1), raft::Term(1), raft::EntryType::kCommand,
                    raft::Payload(std::string(4 << 20, 'x'))}};
  const std::string bytes = encoded(raft::Message(large));
  FrameDecoder decoder(Hearing::kControl);
  for (std::size_t at = 0; at < bytes.size(); at += 1 << 16) {
    decoder.feed(std::string_view(bytes).substr(at, 1 << 16));
    CHECK(decoder.capacity() <= 2 * bytes.size());
    if (at + (1 << 16) < bytes.size()) {
      CHECK(!decoder.next()->has_value());
    }
  }
  CHECK(decoder.next()->has_value());
  CHECK(!decoder.next()->has_value());
  CHECK(decoder.capacity() == 0);

  const std::string heartbeat = encoded(sample("HeartbeatRequest"));
  for (int i = 0; i < 100'000; ++i) {
    decoder.feed(heartbeat);
    // Always a part of the next frame remains, so that the buffer is never empty.
    if (i == 0) {
      decoder.feed(std::string_view(heartbeat).substr(0, 7));
      CHECK(decoder.next()->has_value());
      decoder.feed(std::string_view(heartbeat).substr(7));
    }
    CHECK(decoder.next()->has_value());
  }
  CHECK(decoder.capacity() < 1000);
}

}  // namespace
}  // namespace ticketd::net
