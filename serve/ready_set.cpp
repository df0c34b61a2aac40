#include "serve/ready_set.h"

#include <sys/epoll.h>

#include <array>
#include <asio/error.hpp>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/check.h"

namespace ticketd::serve {

namespace {

/// Told at once; the others come after what else the loop has to do.
constexpr std::size_t kEventsAtOnce = 128;
constexpr int kSlotBits = 32;

}  // namespace

Result<std::shared_ptr<ReadySet>> ReadySet::open(asio::io_context& loop) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    return Error{std::string("cannot wait for sockets: ") + std::strerror(errno)};
  }
  return std::make_shared<ReadySet>(loop, epoll);
}

ReadySet::ReadySet(asio::io_context& loop, int epoll) : epoll_(loop, epoll) {}

bool ReadySet::add(int socket, Member& member, Ticket& ticket) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t place = free_.back();
  ticket = std::uint64_t{slots_[place].generation} << kSlotBits | place;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = ticket;
  if (epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket, &event) != 0) {
    return false;
  }
  free_.pop_back();
  slots_[place].member = &member;
  return true;
}

void ReadySet::remove(Ticket ticket) {
  ENSURE(find(ticket) != nullptr);
  Slot& slot = slots_[static_cast<std::uint32_t>(ticket)];
  slot.member = nullptr;
  ++slot.generation;
  free_.push_back(static_cast<std::uint32_t>(ticket));
}

ReadySet::Member* ReadySet::find(Ticket ticket) const {
  const Slot& slot = slots_.at(static_cast<std::uint32_t>(ticket));
  return slot.generation == ticket >> kSlotBits ? slot.member : nullptr;
}

void ReadySet::start() { wait(); }

void ReadySet::stop() {
  asio::error_code ignored;
  epoll_.close(ignored);
}

void ReadySet::wait() {
  epoll_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this()](const asio::error_code& error) {
                      if (!self->epoll_.is_open()) {
                        return;  // stopped
                      }
                      ENSURE_MSG(!error, error.message());
                      self->tell();
                      if (self->epoll_.is_open()) {
                        self->wait();
                      }
                    });
}

void ReadySet::tell() {
  std::array<epoll_event, kEventsAtOnce> events;
  const int count =
      epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  ENSURE(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    // A member that was removed meanwhile, or another one in its place, is not meant.
    if (Member* member = find(events[static_cast<std::size_t>(i)].data.u64)) {
      const std::uint32_t seen = events[static_cast<std::size_t>(i)].events;
      const bool ended = (seen & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
      member->ready(ended || (seen & EPOLLIN) != 0, ended || (seen & EPOLLOUT) != 0, ended);
    }
  }
}

}  // namespace ticketd::serve
