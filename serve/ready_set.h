// Which of many sockets have something to read, or room to write.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

namespace ticketd::serve {

/// Waits for all sockets of a server at once. Asio would do, but for each request that it waits for
/// it makes a system call: either it tells the kernel anew that it waits, or it tries a read that
/// finds nothing. Here a socket is told to the kernel once, and only changes are heard of
/// (edge-triggered); whoever reads less than it had room for has read all there is.
///
/// On the loop's thread.
class ReadySet : public std::enable_shared_from_this<ReadySet> {
 public:
  class Member {
   public:
    /// There is something new to read, or there is room again after there was none. `ended`: the
    /// other side closed or broke the connection; nothing more to read will be told of.
    /// May remove this member and others, and add some.
    virtual void ready(bool readable, bool writable, bool ended) = 0;

   protected:
    ~Member() = default;
  };
  /// Names a member; of no use once it was removed.
  using Ticket = std::uint64_t;

  static Result<std::shared_ptr<ReadySet>> open(asio::io_context& loop);
  /// Use open().
  ReadySet(asio::io_context& loop, int epoll);

  /// `member` must outlive its place in the set. False: the kernel has no room for another one.
  [[nodiscard]] bool add(int socket, Member& member, Ticket& ticket);
  /// Before or after the socket was closed.
  void remove(Ticket ticket);

  /// Tells members from now on, until stop().
  void start();
  void stop();

 private:
  struct Slot {
    Member* member = nullptr;
    std::uint32_t generation = 0;
  };

  void wait();
  void tell();
  Member* find(Ticket ticket) const;

  asio::posix::stream_descriptor epoll_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace ticketd::serve
