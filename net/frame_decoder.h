// Bytes of a connection to frames, as they come in.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "net/message.h"

namespace ticketd::net {

/// What may be said on a connection at a time; anything else is refused by its type, unread.
enum class Hearing : std::uint8_t {
  /// The listener awaits Hello or ClientHello.
  kGreeting,
  /// The dialer awaits Welcome or Refused.
  kGreetingAnswer,
  /// From a member on the control lane: raft messages but SnapshotRequest, MemberStatus, Request.
  kControl,
  /// From a member on the bulk lane: SnapshotRequest.
  kBulk,
  /// From a client: Request.
  kRequests,
  /// By the dialer, once welcome: Response.
  kResponses,
};

/// Takes bytes in pieces of any size and gives whole, validated frames. Holds no more than a
/// frame within the bounds of what it hears and one piece, and never sets room aside for bytes
/// that were claimed and have not come.
class FrameDecoder {
 public:
  explicit FrameDecoder(Hearing hearing) : hearing_(hearing) {}

  /// Changes what is heard, from the next frame on.
  void hear(Hearing hearing) { hearing_ = hearing; }

  struct Space {
    char* data;
    std::size_t size;
  };
  /// Room for at least `bytes` more, to be read into; commit() says how many were. A later
  /// prepare() or feed() makes it invalid.
  Space prepare(std::size_t bytes);
  void commit(std::size_t bytes);
  /// Both at once.
  void feed(std::string_view bytes);

  /// The next frame, or none until more bytes come. After an error every call gives an error: the
  /// place where a frame begins is lost.
  Result<std::optional<Frame>> next();

  /// Bytes not yet given as frames; bytes of memory held.
  std::size_t buffered() const { return end_ - begin_; }
  std::size_t capacity() const { return capacity_; }

 private:
  std::string_view unread() const { return {buffer_.get() + begin_, buffered()}; }
  /// Makes sure that what has come of the header is one that may be heard here.
  Status check_header(std::string_view bytes) const;
  /// The next frame into `frame`, if it is there.
  Status take(std::optional<Frame>& frame);

  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  /// begin_ <= end_ <= capacity_: the bytes in between are unread.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Hearing hearing_;
  std::optional<Error> fault_;
};

}  // namespace ticketd::net
