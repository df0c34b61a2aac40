// Messages to bytes and back. net/wire.h has the header of a frame, net/fields.h every payload.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/message.h"
#include "net/wire.h"

namespace ticketd::net {

/// Appends one whole frame to `out`. Requires a message that decode() would take: lengths within
/// their bounds, entries consecutive with terms that do not fall (checked, a breach is a bug here).
/// Only texts for people may be too long; they are cut.
void encode(const Hello& message, std::string& out);
void encode(const ClientHello& message, std::string& out);
void encode(const Welcome& message, std::string& out);
void encode(const Refused& message, std::string& out);
void encode(const raft::Message& message, std::string& out);
void encode(const MemberStatus& message, std::string& out);
void encode(const Request& message, std::string& out);
void encode(const Response& message, std::string& out);
void encode(const Frame& frame, std::string& out);

/// Whether a call made from what a user typed may be encoded; the error names the field.
Status check(const Call& call);

FrameType type_of(const Frame& frame);

/// A payload whose checksum was right. The error names the message and what is wrong with it.
Result<Frame> decode(FrameType type, std::string_view payload);
/// The same, made where it is wanted instead of moved there. After an error `frame` means nothing.
Status decode(FrameType type, std::string_view payload, std::optional<Frame>& frame);

/// The header's fields, computed from the others.
std::uint16_t header_check(std::uint8_t version, std::uint8_t type, std::uint32_t length);
/// `header` holds at least the first kChecksumOffset bytes of the frame.
std::uint64_t payload_checksum(std::string_view header, std::string_view payload);

}  // namespace ticketd::net
