// A socket with requests on their way.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "load/nodes.h"
#include "load/time.h"

namespace ticketd::load {

/// A non-blocking TCP connection that a client keeps over its reconnections. Requests are answered
/// in the order in which they were sent, so what is remembered of one is when it was due.
class Connection {
 public:
  /// At most `waiting_max` requests without an answer at any time.
  explicit Connection(std::size_t waiting_max) : due_(waiting_max) {}
  ~Connection() { close(); }
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  /// Begins to connect; requires a closed one. False: not even that could be done.
  bool open(const Nodes::Node& node);
  /// Once the socket is writable: 0, or the errno that connecting failed with.
  int connect_fault() const;
  void close();
  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

  // --- Requests

  /// How many wait for an answer.
  std::size_t waiting() const { return waiting_; }
  /// Where the bytes of the next requests are appended, each followed by one expect_reply().
  std::string& unsent() { return unsent_; }
  void expect_reply(Nanos due);
  /// When the oldest waiting request was due, which is answered now.
  Nanos take_due();

  /// Sends what can be sent of unsent(). False: the connection is broken.
  bool send();

  // --- Replies

  /// Reads once what is there, behind what keep() kept, into `room`, which must be larger than
  /// that, and tells it in `bytes`. False: the connection is broken or at its end. Nothing that is
  /// there is no error: `bytes` are those that were kept.
  bool receive(std::string& room, std::string_view& bytes);
  /// The beginning of a reply whose end is still to come.
  void keep(std::string_view bytes) { kept_ = bytes; }

 private:
  int descriptor_ = -1;
  std::string unsent_;
  std::string kept_;
  /// A ring of waiting_ times from oldest_ on.
  std::vector<Nanos> due_;
  std::size_t oldest_ = 0;
  std::size_t waiting_ = 0;  // waiting_ <= due_.size()
};

}  // namespace ticketd::load
