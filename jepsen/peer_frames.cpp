#include "jepsen/peer_frames.h"

#include <cstdint>
#include <string_view>

namespace ticketd::jepsen {

namespace {

constexpr std::string_view kMagic = "tktd";
constexpr std::size_t kTypeOffset = 5, kLengthOffset = 8, kFrameHeaderBytes = 20;
constexpr unsigned char kWelcome = 0x03, kVoteResponse = 0x11;

/// What the packet carries behind the headers of IPv4 and TCP; empty when it is no TCP.
std::string_view tcp_payload(const unsigned char* packet, std::size_t bytes) {
  constexpr std::size_t kProtocolOffset = 9, kDataOffset = 12, kTcpHeaderBytes = 20;
  constexpr unsigned char kTcp = 6;
  const std::size_t ip_bytes = (packet[0] & 0x0fU) * std::size_t{4};
  if (bytes < ip_bytes + kTcpHeaderBytes || packet[kProtocolOffset] != kTcp) return {};
  const std::size_t headers = ip_bytes + (packet[ip_bytes + kDataOffset] >> 4U) * std::size_t{4};
  if (bytes < headers) return {};
  return {reinterpret_cast<const char*>(packet) + headers, bytes - headers};
}

unsigned char byte(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

/// The payload of each frame of that type that begins here, as far as it is here.
template <class Take>
bool any_frame(const unsigned char* packet, std::size_t bytes, unsigned char type, Take take) {
  const std::string_view carried = tcp_payload(packet, bytes);
  for (std::size_t at = carried.find(kMagic); at != std::string_view::npos;
       at = carried.find(kMagic, at + kMagic.size())) {
    const std::string_view frame = carried.substr(at);
    if (frame.size() < kFrameHeaderBytes || byte(frame, kTypeOffset) != type) continue;
    // Of the length's four bytes one is enough for what is looked for.
    if (take(frame.substr(kFrameHeaderBytes), byte(frame, kLengthOffset))) return true;
  }
  return false;
}

}  // namespace

bool gives_vote(const unsigned char* packet, std::size_t bytes) {
  // term, pre_vote, granted, of which the last two have a byte each.
  return any_frame(packet, bytes, kVoteResponse, [](std::string_view payload, std::size_t length) {
    return length >= 3 && payload.size() >= length && byte(payload, length - 2) == 0 &&
           byte(payload, length - 1) == 1;
  });
}

bool welcomes(const unsigned char* packet, std::size_t bytes) {
  return any_frame(packet, bytes, kWelcome, [](std::string_view, std::size_t) { return true; });
}

}  // namespace ticketd::jepsen
