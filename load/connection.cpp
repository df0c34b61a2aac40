#include "load/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace ticketd::load {
namespace {

bool is_passing(int fault) { return fault == EAGAIN || fault == EWOULDBLOCK || fault == EINTR; }

}  // namespace

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      unsent_(std::move(other.unsent_)),
      kept_(std::move(other.kept_)),
      due_(std::move(other.due_)),
      oldest_(other.oldest_),
      waiting_(std::exchange(other.waiting_, 0)) {}

bool Connection::open(const Nodes::Node& node) {
  ENSURE(!is_open() && waiting_ == 0);
  descriptor_ = ::socket(node.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) {
    return false;
  }
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_storage address = node.address;
  const int begun = ::connect(descriptor_, static_cast<sockaddr*>(static_cast<void*>(&address)),
                              node.address_bytes);
  if (begun != 0 && errno != EINPROGRESS) {
    close();
    return false;
  }
  return true;
}

int Connection::connect_fault() const {
  int fault = 0;
  socklen_t bytes = sizeof fault;
  return ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &fault, &bytes) == 0 ? fault : errno;
}

void Connection::close() {
  if (is_open()) {
    ::close(std::exchange(descriptor_, -1));
  }
  unsent_.clear();
  kept_.clear();
  waiting_ = 0;
}

void Connection::expect_reply(Nanos due) {
  ENSURE_LT(waiting_, due_.size());
  std::size_t place = oldest_ + waiting_++;
  if (place >= due_.size()) {
    place -= due_.size();
  }
  due_[place] = due;
}

Nanos Connection::take_due() {
  ENSURE_GT(waiting_, 0u);
  const Nanos due = due_[oldest_];
  oldest_ = oldest_ + 1 == due_.size() ? 0 : oldest_ + 1;
  --waiting_;
  return due;
}

bool Connection::send() {
  const ssize_t sent = ::send(descriptor_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    return is_passing(errno);
  }
  unsent_.erase(0, static_cast<std::size_t>(sent));
  return true;
}

bool Connection::receive(std::string& room, std::string_view& bytes) {
  ENSURE_LT(kept_.size(), room.size());
  std::memcpy(room.data(), kept_.data(), kept_.size());
  const ssize_t came =
      ::recv(descriptor_, room.data() + kept_.size(), room.size() - kept_.size(), 0);
  if (came == 0 || (came < 0 && !is_passing(errno))) {
    return false;
  }
  bytes =
      std::string_view(room.data(), kept_.size() + static_cast<std::size_t>(came < 0 ? 0 : came));
  kept_.clear();
  return true;
}

}  // namespace ticketd::load
