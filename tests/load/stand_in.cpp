#include "tests/load/stand_in.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <vector>

#include "base/check.h"

namespace ticketd::load {
namespace {

/// A bound socket of loopback, and its name.
int bind_to_free_port(std::string& name) {
  const int bound = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* plain = static_cast<sockaddr*>(static_cast<void*>(&address));
  socklen_t bytes = sizeof address;
  ENSURE(::bind(bound, plain, bytes) == 0 && ::getsockname(bound, plain, &bytes) == 0);
  name = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  return bound;
}

}  // namespace

StandIn::StandIn(std::size_t request_bytes, Answer answer)
    : request_bytes_(request_bytes),
      answer_(std::move(answer)),
      listener_(bind_to_free_port(name_)) {
  ENSURE(::listen(listener_, 64) == 0 && ::pipe(end_) == 0);
  thread_ = std::thread([this] { serve(); });
}

StandIn::~StandIn() {
  ::close(end_[1]);
  thread_.join();
  ::close(end_[0]);
  ::close(listener_);
}

void StandIn::serve() {
  std::map<int, std::string> connections;
  while (true) {
    std::vector<pollfd> watched{{end_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const auto& [connection, unanswered] : connections) {
      watched.push_back({connection, POLLIN, 0});
    }
    ::poll(watched.data(), watched.size(), -1);
    if (watched[0].revents != 0) {
      break;
    }
    if (watched[1].revents != 0) {
      connections[::accept(listener_, nullptr, nullptr)];
    }
    for (std::size_t i = 2; i < watched.size(); ++i) {
      if (watched[i].revents != 0 && !serve(watched[i].fd, connections[watched[i].fd])) {
        ::close(watched[i].fd);
        connections.erase(watched[i].fd);
      }
    }
  }
  for (const auto& [connection, unanswered] : connections) {
    ::close(connection);
  }
}

bool StandIn::serve(int connection, std::string& unanswered) {
  std::array<char, 4096> room;
  const ssize_t came = ::recv(connection, room.data(), room.size(), 0);
  if (came <= 0) {
    return false;
  }
  unanswered.append(room.data(), static_cast<std::size_t>(came));
  for (; unanswered.size() >= request_bytes_; unanswered.erase(0, request_bytes_)) {
    const std::optional<std::string> answer = answer_();
    if (!answer || ::send(connection, answer->data(), answer->size(), MSG_NOSIGNAL) < 0) {
      return false;
    }
  }
  return true;
}

std::string dead_name() {
  std::string name;
  ::close(bind_to_free_port(name));
  return name;
}

}  // namespace ticketd::load
