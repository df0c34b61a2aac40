// A server of a few lines, for the load generator to speak to.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace ticketd::load {

/// Listens on a free port of loopback, and answers requests of one length, on a thread of its own.
class StandIn {
 public:
  /// The answer to the next request on whatever connection; none: the connection is closed. Called
  /// on the server's thread.
  using Answer = std::function<std::optional<std::string>()>;

  StandIn(std::size_t request_bytes, Answer answer);
  /// Ends the thread and closes all connections.
  ~StandIn();
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  /// HOST:PORT.
  const std::string& name() const { return name_; }

 private:
  void serve();
  /// False: the connection is to be closed.
  bool serve(int connection, std::string& unanswered);

  const std::size_t request_bytes_;
  const Answer answer_;
  std::string name_;  // which listener_ sets
  int listener_ = -1;
  int end_[2] = {-1, -1};
  std::thread thread_;
};

/// A port of loopback that nobody listens on, as HOST:PORT.
std::string dead_name();

}  // namespace ticketd::load
