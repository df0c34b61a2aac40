// A libFuzzer target: the bytes of a connection to frames, from the greeting on, as either side
// hears them.
//
// The first byte of an input: bit 0, who hears; bit 1, whether checks and checksums are put right
// first, without which a fuzzer comes no further than them; the rest, how the bytes are cut.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "net/codec.h"
#include "net/frame_decoder.h"
#include "tests/fuzz/input.h"

namespace ticketd::net {
namespace {

/// Makes every frame's header and checksum right, as far as its length makes sense.
void mend(std::string& bytes) {
  for (std::size_t at = 0; at + kHeaderBytes <= bytes.size();) {
    ByteReader in(std::string_view(bytes).substr(at + kVersionOffset));
    const std::uint8_t version = in.u8();
    const std::uint8_t type = in.u8();
    in.u16();
    const std::uint32_t length = in.u32();
    const std::uint16_t check = header_check(version, type, length);
    bytes[at + kCheckOffset] = static_cast<char>(check & 0xff);
    bytes[at + kCheckOffset + 1] = static_cast<char>(check >> 8);
    if (length > bytes.size() - at - kHeaderBytes) {
      return;
    }
    const std::string_view frame = std::string_view(bytes).substr(at, kHeaderBytes + length);
    put_u64(bytes, at + kChecksumOffset, payload_checksum(frame, frame.substr(kHeaderBytes)));
    at += kHeaderBytes + length;
  }
}

/// What is heard after that frame; none: the conversation is over.
std::optional<Hearing> after(Hearing hearing, const Frame& frame) {
  if (const auto* hello = std::get_if<Hello>(&frame)) {
    return hello->lane == Lane::kBulk ? Hearing::kBulk : Hearing::kControl;
  }
  if (std::holds_alternative<ClientHello>(frame)) {
    return Hearing::kRequests;
  }
  if (std::holds_alternative<Welcome>(frame)) {
    return Hearing::kResponses;
  }
  return std::holds_alternative<Refused>(frame) ? std::nullopt : std::optional(hearing);
}

/// Only what belongs there was let through.
void check_heard(Hearing hearing, const Frame& frame) {
  const FrameType type = type_of(frame);
  switch (hearing) {
    case Hearing::kGreeting:
      ENSURE(type == FrameType::kHello || type == FrameType::kClientHello);
      return;
    case Hearing::kGreetingAnswer:
      ENSURE(type == FrameType::kWelcome || type == FrameType::kRefused);
      return;
    case Hearing::kControl:
      ENSURE(type == FrameType::kRequest || type == FrameType::kMemberStatus ||
             (std::holds_alternative<raft::Message>(frame) && type != FrameType::kSnapshotRequest));
      return;
    case Hearing::kBulk:
      ENSURE(type == FrameType::kSnapshotRequest);
      return;
    case Hearing::kRequests:
      ENSURE(type == FrameType::kRequest);
      return;
    case Hearing::kResponses:
      ENSURE(type == FrameType::kResponse);
      return;
  }
}

/// The frames that came, each as its bytes; then how it ended.
std::vector<std::string> hear(std::string_view bytes, std::size_t cut, bool listens) {
  Hearing hearing = listens ? Hearing::kGreeting : Hearing::kGreetingAnswer;
  FrameDecoder decoder(hearing);
  std::vector<std::string> heard;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, cut);
    bytes.remove_prefix(piece.size());
    decoder.feed(piece);
    while (true) {
      const auto frame = decoder.next();
      if (!frame) {
        ENSURE(!decoder.next().ok());
        // How much of it the words quote depends on the cut.
        heard.push_back("refused");
        return heard;
      }
      if (!*frame) {
        break;
      }
      check_heard(hearing, **frame);
      heard.emplace_back();
      encode(**frame, heard.back());
      const auto next = after(hearing, **frame);
      if (!next) {
        return heard;
      }
      decoder.hear(hearing = *next);
    }
  }
  heard.push_back(std::to_string(decoder.buffered()));
  return heard;
}

}  // namespace
}  // namespace ticketd::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ticketd;
  if (size < 2) {
    return 0;
  }
  const std::uint8_t how = data[0];
  std::string bytes(as_text(data + 1, size - 1));
  if ((how & 2) != 0) {
    net::mend(bytes);
  }
  const bool listens = (how & 1) != 0;
  const auto whole = net::hear(bytes, bytes.size(), listens);
  ENSURE(net::hear(bytes, 1, listens) == whole);
  ENSURE(net::hear(bytes, std::size_t{2} + (how >> 2), listens) == whole);
  return 0;
}
