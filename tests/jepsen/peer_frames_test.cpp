#include "jepsen/peer_frames.h"

#include <doctest/doctest.h>

#include <string>

#include "jepsen/router.h"

namespace ticketd::jepsen {
namespace {

/// A VoteResponse as docs/protocol.md has it, for any term of one byte.
std::string vote(bool pre_vote, bool granted) {
  std::string frame("tktd\x02\x11\x19\x73\x03\0\0\0\x06\xd8\x98\x22\x91\xd9\xc2\x55\x07", 21);
  frame += static_cast<char>(pre_vote);
  frame += static_cast<char>(granted);
  return frame;
}

/// An IPv4 packet of that protocol, with options in both headers.
bool seen(const std::string& payload, char protocol = 6, Router::PacketTest test = gives_vote) {
  std::string packet(24 + 32, '\0');
  packet[0] = 0x46;
  packet[9] = protocol;
  packet[24 + 12] = static_cast<char>(0x80);
  packet += payload;
  return test(reinterpret_cast<const unsigned char*>(packet.data()), packet.size());
}

TEST_CASE("a vote that is given is seen among what else a packet carries") {
  CHECK(seen(vote(false, true)));
  CHECK(seen("tkt" + vote(true, true) + vote(false, true) + "more"));
}

TEST_CASE("rehearsals, refusals and parts of frames are no votes") {
  CHECK_FALSE(seen(vote(true, true)));
  CHECK_FALSE(seen(vote(false, false)));
  CHECK_FALSE(seen(""));
  CHECK_FALSE(seen(vote(false, true), 17));
  for (std::size_t size = 0; size < vote(false, true).size(); ++size) {
    CHECK_FALSE(seen(vote(false, true).substr(0, size)));
  }
  std::string other = vote(false, true);
  other[5] = 0x10;
  CHECK_FALSE(seen(other));
}

TEST_CASE("a welcome is seen, and nothing else for one") {
  std::string welcome = vote(false, true);
  welcome[5] = 0x03;
  CHECK(seen(vote(true, true) + welcome, 6, welcomes));
  CHECK_FALSE(seen(welcome));
  CHECK_FALSE(seen(vote(false, true), 6, welcomes));
}

}  // namespace
}  // namespace ticketd::jepsen
