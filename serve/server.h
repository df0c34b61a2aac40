// A listening socket and its connections on one event loop.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "serve/connection.h"
#include "serve/limits.h"
#include "serve/listener.h"

namespace ticketd::serve {

/// Every call is made on the loop's thread, and so is every call into the connections.
class Server {
 public:
  /// A connection that speaks the server's protocol.
  using Make =
      std::function<std::shared_ptr<Connection>(asio::ip::tcp::socket, Connection::Owner&)>;

  /// Binds and listens, so that port() is known; clients wait in the backlog until turn_away() or
  /// start(). `loop` must outlive the server. Errors name the address and why it cannot be had.
  static Result<std::unique_ptr<Server>> open(asio::io_context& loop, const Endpoint& endpoint,
                                              const Limits& limits);

  /// Closes every connection at once. Answers that a service gives later go nowhere, but it must
  /// give them before the loop is destroyed.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// From now until start() clients are told that nothing is served yet, instead of waiting in the
  /// backlog. At most once. As for start(), but only say_not_yet() is asked of the connections.
  void turn_away(Make make);

  /// Begins to serve. Once. What `make` knows must outlive the server, or the callback of close().
  void start(Make make);

  /// The port that is bound, also when any was asked for.
  std::uint16_t port() const;

  /// Open connections, those being closed included.
  std::size_t connections() const;

  /// Closes the listening socket; connections go on.
  void stop_accepting();

  /// stop_accepting(); from then on every answer ends its connection, where the protocol has a word
  /// for that. After Limits::parting_time closes idle connections, and the others once their
  /// requests under way are answered, at the latest after another Limits::close_time. Then calls
  /// `closed`, always from the loop, never from within this call. Once.
  void close(std::function<void()> closed);

 private:
  class Inside;
  explicit Server(std::shared_ptr<Inside> inside);

  /// Shared with what the loop has still to run.
  std::shared_ptr<Inside> inside_;
};

}  // namespace ticketd::serve
