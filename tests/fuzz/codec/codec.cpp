// A libFuzzer target: the payload of a frame, whose checksum was right, through the codec.
//
// The first byte of an input says of which type the frame is.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "net/codec.h"
#include "tests/fuzz/input.h"

namespace ticketd::net {
namespace {

constexpr std::array kTypes = {
    FrameType::kHello,           FrameType::kClientHello,       FrameType::kWelcome,
    FrameType::kRefused,         FrameType::kVoteRequest,       FrameType::kVoteResponse,
    FrameType::kAppendRequest,   FrameType::kAppendResponse,    FrameType::kHeartbeatRequest,
    FrameType::kHeartbeatResponse, FrameType::kSnapshotRequest, FrameType::kSnapshotResponse,
    FrameType::kTimeoutNowRequest, FrameType::kMemberStatus,    FrameType::kRequest,
    FrameType::kResponse};

void read(FrameType type, std::string_view payload) {
  const Result<Frame> frame = decode(type, payload);
  if (!frame) {
    ENSURE(!frame.error().message.empty());
    return;
  }
  ENSURE(type_of(*frame) == type);
  // What was taken can be said again, and means the same.
  std::string written;
  encode(*frame, written);
  const std::string_view bytes(written);
  const Result<Frame> again = decode(type, bytes.substr(kHeaderBytes));
  ENSURE(again.ok());
  ENSURE(*again == *frame);
  // There is one way to write it.
  ENSURE_EQ(bytes.substr(kHeaderBytes), payload);
}

}  // namespace
}  // namespace ticketd::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ticketd;
  if (size > 0) {
    net::read(net::kTypes[data[0] % net::kTypes.size()], as_text(data + 1, size - 1));
  }
  return 0;
}
