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

// --- What must hold between fields ---------------------------------------------------------------

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
  // The last index would be 2^62.
  CHECK(fault_of(kType, {5, 255, 255, 255, 255, 255, 255, 255, 255, 63, 4, 8, 1, 1, 0, 0})
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
  CHECK(fault_of(FrameType::kRequest, {1, 9}).find("kind is 9") != std::string::npos);
  CHECK(fault_of(FrameType::kResponse, {1, 8}).find("kind is 8") != std::string::npos);
  CHECK(fault_of(FrameType::kResponse, {1, 7, 12, 0, 0, 0}).find("code is 12") !=
        std::string::npos);
}

TEST_CASE("terms and indexes that are taken leave room for those that follow") {
  // Written is more than is taken, so that nobody breaks over a number that another one told it.
  const auto taken = [](std::uint64_t number) {
    return fault(decode(FrameType::kHeartbeatResponse,
                        payload_of(raft::Message(raft::HeartbeatResponse{raft::Term(number), 9}))));
  };
  CHECK(taken(kReadNumberEnd - 1).empty());
  CHECK(taken(kReadNumberEnd).find("term is 4611686018427387904, which is not in [0, ") !=
        std::string::npos);
  CHECK(!taken(kNumberEnd - 1).empty());
}

TEST_CASE("a change that could not be is refused, by the asker and by the asked") {
  using ticket::Kind;
  const auto refused = [](ChangeCall call, const std::string& why) {
    CAPTURE(why);
    const Status status = check(call);
    REQUIRE(!status);
    CHECK(status.error().message.find(why) != std::string::npos);
  };
  const std::string longest(ticket::kMaxKeyBytes, '~');
  CHECK(check(ChangeCall{Kind::kTake, "", 1, "", 0}).ok());
  CHECK(check(ChangeCall{Kind::kTake, "a", ticket::kMaxCount, longest, 0}).ok());
  CHECK(check(ChangeCall{Kind::kAdvance, "a", 0, "!", 0}).ok());
  CHECK(check(ChangeCall{Kind::kAdvance, "", ~0ull, "", 0}).ok());
  CHECK(check(ChangeCall{Kind::kRemove, "a", 0, "", 0}).ok());
  refused({Kind::kTake, "", 0, "", 0}, "value is not in [1, 1000000]");
  refused({Kind::kTake, "", ticket::kMaxCount + 1, "", 0}, "value is not in [1, 1000000]");
  refused({Kind::kTake, "", 1, "a b", 0}, "key is not visible ASCII");
  refused({Kind::kTake, "", 1, longest + "~", 0}, "key is longer than 64 bytes");
  refused({Kind::kRemove, "", 0, "", 0}, "the unnamed sequence cannot be removed");
  refused({Kind::kRemove, "a", 1, "", 0}, "no value and no key");
  refused({Kind::kRemove, "a", 0, "k", 0}, "no value and no key");
  refused({Kind::kRaiseBeginning, "", 1, "", 0}, "a recovery's change is nobody's to ask for");
  // id, kind, change, sequence, value, key, timeout_us
  const auto change = [](std::initializer_list<int> rest) {
    std::string payload = {5, 1};
    for (const int byte : rest) payload.push_back(static_cast<char>(byte));
    return fault(decode(FrameType::kRequest, payload));
  };
  CHECK(change({1, 0, 1, 0, 0}).empty());
  CHECK(change({0, 0, 1, 0, 0}).find("change is 0") != std::string::npos);
  CHECK(change({4, 0, 1, 0, 0}).find("change is 4") != std::string::npos);
  CHECK(change({1, 0, 0, 0, 0}).find("value is not in") != std::string::npos);
  CHECK(change({1, 0, 1, 1, 127, 0}).find("key is not visible") != std::string::npos);
  CHECK(change({3, 0, 0, 0, 0}).find("unnamed sequence") != std::string::npos);
  CHECK(change({3, 1, 'a', 1, 0, 0}).find("no value and no key") != std::string::npos);
}

TEST_CASE("a query that could not be is refused, by the asker and by the asked") {
  const auto why = [](ticket::Query query) {
    const Status status = check(QueryCall{std::move(query), false, 0});
    return status ? "" : status.error().message;
  };
  const std::string name(ticket::kMaxNameBytes, 'x');
  CHECK(why(ticket::Lookup{}).empty());
  CHECK(why(ticket::Lookup{{name, ""}}).empty());
  CHECK(why(ticket::Lookup{{name + "x"}}) == "sequence is longer than 255 bytes");
  CHECK(why(ticket::Lookup{std::vector<std::string>(ticket::kMaxLookupNames, "abcd")}).empty());
  CHECK(why(ticket::Lookup{std::vector<std::string>(ticket::kMaxLookupNames + 1)}) ==
        "sequence_count is above 16384");
  CHECK(why(ticket::Lookup{std::vector<std::string>(257, name)}).empty());
  CHECK(why(ticket::Lookup{std::vector<std::string>(258, name)}) ==
        "the names are longer than 65536 bytes together");
  CHECK(why(ticket::Listing{name, name, ticket::kMaxListed}).empty());
  CHECK(why(ticket::Listing{name + "x", "", 1}) == "prefix is longer than 255 bytes");
  CHECK(why(ticket::Listing{"", name + "x", 1}) == "after is longer than 255 bytes");
  CHECK(why(ticket::Listing{"", "", 0}) == "limit is 0");
  CHECK(why(ticket::Listing{"", "", ticket::kMaxListed + 1}) == "limit is above 1000");
  // id, kind, stale, timeout_us, query, ...
  const auto query = [](std::initializer_list<int> rest) {
    std::string payload = {5, 2};
    for (const int byte : rest) payload.push_back(static_cast<char>(byte));
    return fault(decode(FrameType::kRequest, payload));
  };
  CHECK(query({1, 0, 1, 1, 1, 'a'}).empty());
  CHECK(query({2, 0, 1, 0}).find("stale is 2") != std::string::npos);
  CHECK(query({1, 0, 3, 0}).find("query is 3") != std::string::npos);
  CHECK(query({1, 0, 1, 2, 0}).find("sequence_count is 2") != std::string::npos);
  CHECK(query({1, 0, 2, 0, 0, 1}).empty());
  CHECK(query({1, 0, 2, 0, 0, 0}).find("limit is 0") != std::string::npos);
  CHECK(query({1, 0, 2, 0, 0, 0xe9, 7}).find("limit is 1001") != std::string::npos);
}

TEST_CASE("texts are bounded: names refused, texts for people cut") {
  const auto named = [](std::size_t bytes) {
    return check(ChangeCall{ticket::Kind::kTake, std::string(bytes, 'x'), 1, "", 0});
  };
  CHECK(named(ticket::kMaxNameBytes).ok());
  const Status status = named(ticket::kMaxNameBytes + 1);
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
                              MemberStatus{raft::Index(kNumberEnd - 1), 0, ~0ull, ~0ull, true, 1,
                                           Durability::kHigh, addresses}});
  }
  CHECK(payload_of(Response{~0ull, status}).size() <= kResponseBytesMax);
  CHECK(payload_of(Response{~0ull, JoinReply{0, id, {raft::Index(1), configuration}}}).size() <=
        kResponseBytesMax);
}

/// The answer to a query for so many names of that length.
QueryReply answer_of(std::size_t names, std::size_t bytes) {
  return {raft::Index(kNumberEnd - 1), {names, {std::string(bytes, 'x'), ~0ull}}, true};
}

TEST_CASE("the longest queries and their answers fit into their frames") {
  const ticket::Lookup lookup{std::vector<std::string>(ticket::kMaxLookupNames, "abcd")};
  CHECK(payload_of(Request{~0ull, QueryCall{lookup, true, ~0ull}}).size() <= kClientBytesMax);
  const std::size_t looked_up =
      payload_of(Response{~0ull, answer_of(ticket::kMaxLookupNames, 4)}).size();
  CHECK(looked_up > 128 << 10);
  CHECK(looked_up <= kResponseBytesMax);
  const Frame page = Response{~0ull, answer_of(ticket::kMaxListed, ticket::kMaxNameBytes)};
  CHECK(payload_of(page).size() <= kResponseBytesMax);
  std::string too_long;
  Writer writer(too_long);
  const QueryReply beyond = answer_of(ticket::kMaxListed + 1, ticket::kMaxNameBytes);
  fields(writer, beyond);
  CHECK(writer.fault() == "the names are longer than 255000 bytes together");
}

}  // namespace
}  // namespace ticketd::net
