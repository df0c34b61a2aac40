// The transport of a real node: TCP by Asio, one listening port for members and clients.
#pragma once

#include <asio/io_context.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/sockets.h"
#include "net/transport.h"

namespace ticketd::net {

struct TcpOptions {
  /// Where to listen: a host name or address, and a port (0: any free one).
  std::string host;
  std::uint16_t port = 0;
  /// Upper end of the election time-out: bounds connection attempts, silence of a connection with
  /// unacknowledged bytes (TCP_USER_TIMEOUT), and (half of it) the back-off between attempts.
  raft::Micros election_timeout = 500'000;
  /// Bytes queued to one peer and lane; what does not fit is dropped.
  std::size_t max_queue_bytes = 16 << 20;
  /// Connections that are welcome at a time, members and clients together.
  std::size_t max_connections = 1'000;
  /// An accepted connection without traffic for so long is closed; the bulk lane after half of it.
  raft::Micros idle_timeout = 60'000'000;
  std::uint64_t seed = 0;
  /// How names become addresses. May take long; may call back on any thread.
  Resolve resolve = resolve_on_thread;
};

/// For status and for tests.
struct TransportCounters {
  /// Messages that were not sent for want of room or of a connection.
  std::uint64_t messages_dropped = 0;
  /// How often accepting had to pause, for want of descriptors or memory.
  std::uint64_t accept_failures = 0;
  /// Open now.
  std::size_t accepted_connections = 0;
  std::size_t dialed_connections = 0;
  /// Bytes of messages waiting for the network, over all connections that we dialed.
  std::size_t queued_bytes = 0;
};

/// Everything on the loop's thread. Dials every peer twice: on the control lane at once, on the
/// bulk lane when there is a snapshot to send, and hears raft messages only on connections it
/// accepted. Before set_self nobody is dialed or welcomed.
class TcpTransport : public Transport {
 public:
  /// Listens at once (so that a port in use is an error here); hears and dials after start().
  static Result<std::unique_ptr<TcpTransport>> open(asio::io_context& loop, TcpOptions options);

  /// `events` must outlive the transport, or close().
  virtual void start(TransportEvents& events) = 0;
  virtual std::uint16_t port() const = 0;
  virtual TransportCounters counters() const = 0;
};

}  // namespace ticketd::net
