// What every frame looks like, and the limits of the peer protocol. docs/protocol.md has the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "raft/entry.h"
#include "ticket/service.h"

namespace ticketd::net {

/// The header before every payload, little-endian:
///
///   offset 0   magic      4 bytes  "tktd"
///   offset 4   version    1 byte   kProtocolVersion
///   offset 5   type       1 byte   FrameType
///   offset 6   check      2 bytes  low 16 bits of XXH64 (seed 0) of version, type and length
///   offset 8   length     4 bytes  of the payload
///   offset 12  checksum   8 bytes  XXH64 of the payload, seeded with bytes 4 to 11 as a number
///
/// The check finds a damaged length before its bytes are waited for; the seed makes the checksum
/// stand for the header too, so that no frame passes for one of another type.
inline constexpr std::string_view kMagic = "tktd";
inline constexpr std::size_t kVersionOffset = 4;
inline constexpr std::size_t kTypeOffset = 5;
inline constexpr std::size_t kCheckOffset = 6;
inline constexpr std::size_t kLengthOffset = 8;
inline constexpr std::size_t kChecksumOffset = 12;
inline constexpr std::size_t kHeaderBytes = 20;

enum class FrameType : std::uint8_t {
  kHello = 0x01,
  kClientHello = 0x02,
  kWelcome = 0x03,
  kRefused = 0x04,

  kVoteRequest = 0x10,
  kVoteResponse = 0x11,
  kAppendRequest = 0x12,
  kAppendResponse = 0x13,
  kHeartbeatRequest = 0x14,
  kHeartbeatResponse = 0x15,
  kSnapshotRequest = 0x16,
  kSnapshotResponse = 0x17,
  kTimeoutNowRequest = 0x18,

  kMemberStatus = 0x20,

  kRequest = 0x30,
  kResponse = 0x31,
};

/// The name of the message that a frame of this type carries, or nullptr.
const char* to_string(FrameType type);

// Bounds on payloads, by who speaks. A frame that claims more is refused before it is read.
inline constexpr std::size_t kHandshakeBytesMax = 4 << 10;
/// Requests of clients.
inline constexpr std::size_t kClientBytesMax = 128 << 10;
/// Responses, to clients and to members.
inline constexpr std::size_t kResponseBytesMax = 512 << 10;
inline constexpr std::size_t kMemberBytesMax = 8 << 20;

// Bounds on parts of messages.
inline constexpr std::size_t kEntriesMax = kMemberBytesMax / raft::Entry::kFlatCharge;
/// Texts for people; longer ones are cut when they are sent.
inline constexpr std::size_t kProseBytesMax = 1 << 10;
inline constexpr std::size_t kVersionTextBytesMax = 64;
/// Bytes of the names in an answer together: of a lookup, or of a page of a list.
inline constexpr std::size_t kFoundBytesMax = ticket::kMaxListed * ticket::kMaxNameBytes;
/// Terms and indexes are written below this, so that no sum of two overflows.
inline constexpr std::uint64_t kNumberEnd = std::uint64_t{1} << 63;
/// And taken below this: who took over another's can still count on and write what follows.
inline constexpr std::uint64_t kReadNumberEnd = std::uint64_t{1} << 62;

static_assert(kHandshakeBytesMax < kClientBytesMax && kClientBytesMax < kResponseBytesMax &&
              kResponseBytesMax < kMemberBytesMax);
static_assert(kProseBytesMax + 64 < kHandshakeBytesMax, "Refused fits into a handshake frame");
// Around a name stand its length (2 bytes), and in answers whether there is a number, and that.
static_assert(ticket::kMaxLookupBytes + ticket::kMaxLookupNames * 2 + 64 <= kClientBytesMax,
              "the longest lookup fits into a client's request");
static_assert(ticket::kMaxLookupBytes <= kFoundBytesMax &&
                  ticket::kMaxListed <= ticket::kMaxLookupNames &&
                  kFoundBytesMax + ticket::kMaxLookupNames * (2 + 1 + 10) + 64 <= kResponseBytesMax,
              "the longest answer to a query fits into a response");

}  // namespace ticketd::net
