// The HTTP/1.1 front end. docs/http-api.md says what clients see.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "http/options.h"
#include "ticket/service.h"

namespace ticketd::http {

/// A listening socket and its connections on one event loop. Every call is made on the loop's
/// thread, and so is every call into the service.
class Server {
 public:
  /// Binds and listens, so that port() is known; clients wait in the backlog until turn_away() or
  /// start(). `loop` must outlive the server. Errors name the address and why it cannot be had.
  static Result<std::unique_ptr<Server>> open(asio::io_context& loop, Options options);

  /// Closes every connection at once. Answers that the service gives later go nowhere, but it must
  /// give them before the loop is destroyed.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// From now until start() clients are told that nothing is served yet, instead of waiting in the
  /// backlog. At most once.
  void turn_away();

  /// Begins to serve. Once. `service` must outlive the server, or the callback of close().
  void start(ticket::Service& service);

  /// The port that is bound, also when any was asked for.
  std::uint16_t port() const;

  /// Open connections, those being closed included.
  std::size_t connections() const;

  /// Closes the listening socket; connections go on.
  void stop_accepting();

  /// stop_accepting(); from then on every answer ends its connection. After Limits::parting_time
  /// closes idle connections, and the others once their requests under way are answered, at the
  /// latest after another Limits::close_time. Then calls `closed`, always from the
  /// loop, never from within this call. Once.
  void close(std::function<void()> closed);

 private:
  class Inside;
  explicit Server(std::unique_ptr<Inside> inside);

  std::unique_ptr<Inside> inside_;
};

}  // namespace ticketd::http
