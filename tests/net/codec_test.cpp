#include "net/codec.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "net/frame_decoder.h"
#include "tests/net/filler.h"
#include "tests/net/samples.h"

namespace ticketd::net {
namespace {

std::string encoded(const Frame& frame) {
  std::string bytes;
  encode(frame, bytes);
  return bytes;
}

std::string payload_of(const Frame& frame) { return encoded(frame).substr(kHeaderBytes); }

/// Where a frame of this type is at home.
Hearing hearing_for(FrameType type) {
  switch (type) {
    case FrameType::kHello:
    case FrameType::kClientHello:
      return Hearing::kGreeting;
    case FrameType::kWelcome:
    case FrameType::kRefused:
      return Hearing::kGreetingAnswer;
    case FrameType::kSnapshotRequest:
      return Hearing::kBulk;
    case FrameType::kResponse:
      return Hearing::kResponses;
    default:
      return Hearing::kControl;
  }
}

FrameDecoder decoder_for(const Frame& frame) { return FrameDecoder(hearing_for(type_of(frame))); }

std::string fault(const Result<Frame>& result) { return result ? "" : result.error().message; }

constexpr int kFramesPerSeed = 50;

void check_round_trip(const Frame& frame) {
  const std::string bytes = encoded(frame);
  FrameDecoder decoder = decoder_for(frame);
  decoder.feed(bytes);
  const Result<std::optional<Frame>> first = decoder.next();
  RC_ASSERT(first.ok());
  RC_ASSERT(first->has_value());
  RC_ASSERT(**first == frame);
  const Result<std::optional<Frame>> second = decoder.next();
  RC_ASSERT(second.ok());
  RC_ASSERT(!second->has_value());
}

TEST_CASE("every message comes back as it was") {
  for (const Sample& each : samples()) {
    CAPTURE(each.name);
    FrameDecoder decoder = decoder_for(each.frame);
    decoder.feed(encoded(each.frame));
    const Result<std::optional<Frame>> next = decoder.next();
    REQUIRE_MESSAGE(next.ok(), fault(next.ok() ? Result<Frame>(Frame()) : next.error()));
    REQUIRE(next->has_value());
    CHECK(**next == each.frame);
  }
  CHECK(rc::check("any message comes back as it was", [] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    for (int i = 0; i < kFramesPerSeed; ++i) {
      check_round_trip(random_frame(random));
    }
  }));
}

TEST_CASE("a stream cut anywhere gives the same frames") {
  CHECK(rc::check("any cuts", [] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    std::vector<Frame> sent;
    std::string bytes;
    while (sent.size() < 5) {
      Frame frame = random_frame(random);
      if (hearing_for(type_of(frame)) == Hearing::kControl) {
        encode(frame, bytes);
        sent.push_back(std::move(frame));
      }
    }
    FrameDecoder decoder(Hearing::kControl);
    std::vector<Frame> heard;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t piece = std::min(bytes.size() - at, random.between(1, 60));
      decoder.feed(std::string_view(bytes).substr(at, piece));
      at += piece;
      for (auto next = decoder.next(); *next; next = decoder.next()) {
        heard.push_back(std::move(**next));
      }
    }
    RC_ASSERT(heard == sent);
    RC_ASSERT(decoder.buffered() == 0U);
  }));
}

TEST_CASE("no frame is given before its last byte") {
  for (const Sample& each : samples()) {
    const std::string bytes = encoded(each.frame);
    FrameDecoder decoder = decoder_for(each.frame);
    for (const char byte : bytes) {
      const auto next = decoder.next();
      REQUIRE(next.ok());
      CHECK(!next->has_value());
      decoder.feed({&byte, 1});
    }
    CHECK(decoder.next()->has_value());
  }
}

TEST_CASE("a flipped bit is noticed at once, wherever it is") {
  for (const Sample& each : samples()) {
    const std::string bytes = encoded(each.frame);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      CAPTURE(each.name);
      CAPTURE(bit);
      std::string damaged = bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      FrameDecoder decoder = decoder_for(each.frame);
      decoder.feed(damaged);
      CHECK(!decoder.next().ok());
      // The place where the next frame begins is lost for good.
      decoder.feed(bytes);
      CHECK(!decoder.next().ok());
    }
  }
}

/// A few bytes inserted, changed or cut off at random.
std::string edited(std::string payload, Random& random) {
  for (std::uint64_t edits = random.below(4); edits > 0; --edits) {
    const std::size_t at = random.below(payload.size() + 1);
    const char byte = static_cast<char>(random.below(256));
    const std::uint64_t kind = random.below(5);
    if (kind == 0) {
      payload.insert(at, 1, byte);
    } else if (kind == 1) {
      payload.resize(at);
    } else if (at < payload.size()) {
      payload[at] = byte;
    }
  }
  return payload;
}

TEST_CASE("what is taken has one encoding only, so that nothing is taken unseen") {
  // Damage under a right checksum: by a faulty or foreign implementation.
  int taken = 0;
  int refused = 0;
  CHECK(rc::check("any payload", [&] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    for (int i = 0; i < kFramesPerSeed; ++i) {
      const Frame frame = random_frame(random);
      const std::string payload = edited(payload_of(frame), random);
      const Result<Frame> decoded = decode(type_of(frame), payload);
      if (decoded) {
        ++taken;
        RC_ASSERT(payload_of(*decoded) == payload);
      } else {
        ++refused;
        RC_ASSERT(!decoded.error().message.empty());
      }
    }
  }));
  CHECK(taken > 100);
  CHECK(refused > 100);
}

TEST_CASE("a payload that ends early or late is refused, and the message is named") {
  for (const Sample& each : samples()) {
    CAPTURE(each.name);
    const FrameType type = type_of(each.frame);
    const std::string payload = payload_of(each.frame);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      CHECK(!decode(type, payload.substr(0, size)).ok());
    }
    const std::string late = fault(decode(type, payload + '\0'));
    CHECK(late.find(to_string(type)) != std::string::npos);
    CHECK(late.find("1 bytes after its end") != std::string::npos);
  }
}

// --- What must hold between fields
// ----------------------------------------------------------------

/// A payload by hand: numbers below 128 are their own varints.
std::string fault_of(FrameType type, std::initializer_list<int> bytes) {
  std::string payload;
  for (const int byte : bytes) {
    payload.push_back(static_cast<char>(byte));
  }
  return fault(decode(type, payload));
}

TEST_CASE("an AppendRequest whose log could not be is refused") {
  constexpr FrameType kType = FrameType::kAppendRequest;
  // term, prev_log_index, prev_log_term, commit_index, entries: term step, type, payload
  CHECK(fault_of(kType, {5, 9, 4, 8, 1, 1, 0, 0}) == "");
  CHECK(fault_of(kType, {0, 0, 0, 0, 0}).find("term is 0") != std::string::npos);
  CHECK(fault_of(kType, {5, 0, 4, 8, 0}).find("prev_log_* is 0") != std::string::npos);
  CHECK(fault_of(kType, {5, 9, 0, 8, 0}).find("prev_log_* is 0") != std::string::npos);
  CHECK(fault_of(kType, {5, 9, 6, 8, 0}).find("prev_log_term is above") != std::string::npos);
  CHECK(fault_of(kType, {5, 9, 4, 8, 1, 2, 0, 0}).find("entry is above") != std::string::npos);
  CHECK(fault_of(kType, {5, 0, 0, 0, 1, 0, 0, 0}).find("entry is 0") != std::string::npos);
  CHECK(fault_of(kType, {5, 9, 4, 8, 1, 1, 3, 0}).find("type is 3") != std::string::npos);
  CHECK(fault_of(kType, {5, 9, 4, 8, 1, 1, 2, 1, 9}).find("version 9") != std::string::npos);
  CHECK(fault_of(kType, {5, 9, 4, 8, 1, 1, 2, 2, 1, 0}).find("without members") !=
        std::string::npos);
  // A count of entries beyond the bytes that follow, and a term step of 2^64 - 1.
  CHECK(fault_of(kType, {5, 9, 4, 8, 0x7f, 1, 0, 0}).find("entry_count is 127") !=
        std::string::npos);
  CHECK(fault_of(kType, {5, 9, 4, 8, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0})
            .find("entry is above") != std::string::npos);
  // The last index would be 2^63.
  CHECK(fault_of(kType, {5, 255, 255, 255, 255, 255, 255, 255, 255, 127, 4, 8, 1, 1, 0, 0})
            .find("index is too large") != std::string::npos);
}

TEST_CASE("other messages that could not be are refused") {
  CHECK(fault_of(FrameType::kVoteRequest, {0, 1, 1, 0, 0}).find("term is 0") != std::string::npos);
  CHECK(fault_of(FrameType::kVoteRequest, {2, 1, 3, 0, 0}).find("above term") != std::string::npos);
  CHECK(fault_of(FrameType::kVoteRequest, {2, 0, 1, 0, 0}).find("last_log_* is 0") !=
        std::string::npos);
  CHECK(fault_of(FrameType::kVoteRequest, {2, 1, 1, 2, 0}).find("pre_vote is 2") !=
        std::string::npos);
  CHECK(fault_of(FrameType::kAppendResponse, {2, 0, 9, 9, 3}).find("conflict_term is above") !=
        std::string::npos);
  CHECK(fault_of(FrameType::kHeartbeatRequest, {0, 1, 1}).find("term is 0") != std::string::npos);
  CHECK(fault_of(FrameType::kTimeoutNowRequest, {0}).find("term is 0") != std::string::npos);
  // term, index, term, file_id, total_bytes, offset, data
  const auto chunk = [](int index, int term, int total, int offset) {
    return fault_of(FrameType::kSnapshotRequest,
                    {5, index, term, 0, 0, 0, 0, 0, 0, 0, 0, total, offset, 2, 'a', 'b'});
  };
  CHECK(chunk(9, 5, 10, 8) == "");
  CHECK(chunk(0, 5, 10, 8).find("holds a 0") != std::string::npos);
  CHECK(chunk(9, 0, 10, 8).find("holds a 0") != std::string::npos);
  CHECK(chunk(9, 6, 10, 8).find("above term") != std::string::npos);
  CHECK(chunk(9, 5, 10, 9).find("beyond total_bytes") != std::string::npos);
  CHECK(chunk(9, 5, 10, 11).find("beyond total_bytes") != std::string::npos);
  CHECK(fault_of(FrameType::kRequest, {1, 0}).find("kind is 0") != std::string::npos);
  CHECK(fault_of(FrameType::kRequest, {1, 8}).find("kind is 8") != std::string::npos);
  CHECK(fault_of(FrameType::kResponse, {1, 7}).find("kind is 7") != std::string::npos);
}

TEST_CASE("texts are bounded: names refused, texts for people cut") {
  CHECK(check(TakeCall{std::string(ticket::kMaxNameBytes, 'x'), 1, 0}).ok());
  const Status status = check(TakeCall{std::string(ticket::kMaxNameBytes + 1, 'x'), 1, 0});
  CHECK(status.error().message == "sequence is longer than 255 bytes");
  JoinCall join;
  join.addresses.peer = std::string(raft::Configuration::kMaxAddressBytes + 1, 'x');
  CHECK(!check(join).ok());

  const Frame longest = Response{1, DoneReply{std::string(2 * kProseBytesMax, 'x')}};
  const Result<Frame> decoded = decode(FrameType::kResponse, payload_of(longest));
  REQUIRE(decoded.ok());
  CHECK(std::get<DoneReply>(std::get<Response>(*decoded).reply).message ==
        std::string(kProseBytesMax, 'x'));
}

TEST_CASE("the longest messages fit into their frames") {
  const std::string address(raft::Configuration::kMaxAddressBytes, 'x');
  const raft::Addresses addresses{address, address, address};
  const raft::MemberId id{raft::NodeId(~0ull), raft::Incarnation(~0ull)};
  CHECK(payload_of(Hello{~0ull, id, id, Lane::kBulk, addresses, ~0u, raft::Index(kNumberEnd - 1)})
            .size() <= kHandshakeBytesMax);
  CHECK(payload_of(Refused{Refused::Reason::kRemoved, ~0ull, raft::Index(kNumberEnd - 1),
                           std::string(kProseBytesMax, 'x')})
            .size() <= kHandshakeBytesMax);
  StatusReply status;
  raft::Configuration configuration;
  for (std::size_t i = 0; i < raft::Configuration::kMaxMembers; ++i) {
    const raft::MemberId each{raft::NodeId(~0ull - i), raft::Incarnation(~0ull)};
    const raft::Member member{each, true, true, id, ~0ull, addresses};
    configuration = configuration.with(member);
    status.members.push_back({member, raft::Index(kNumberEnd - 1), ~0ull,
                              MemberStatus{raft::Index(kNumberEnd - 1), 0, ~0ull, ~0ull, true, 1}});
  }
  CHECK(payload_of(Response{~0ull, status}).size() <= kClientBytesMax);
  CHECK(payload_of(Response{~0ull, JoinReply{0, id, {raft::Index(1), configuration}}}).size() <=
        kClientBytesMax);
}

}  // namespace
}  // namespace ticketd::net
