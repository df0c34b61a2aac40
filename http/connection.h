// One client's connection.
#pragma once

#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/operations.h"
#include "http/options.h"
#include "http/parser.h"
#include "http/pipeline.h"
#include "http/response.h"
#include "http/router.h"
#include "ticket/service.h"

namespace ticketd::http {

/// Reads requests, has the service answer them, writes the answers in order.
///
/// Everything happens on the loop's thread. Whatever may change the state ends in advance(): parse
/// what is there, write what is ready, and then settle() on what to wait for. The service's answers
/// only fill the pipeline; many that come together are written at once, since the owner calls
/// flush() later.
///
/// A connection lives while its owner, a handler of the loop or a call into the service holds it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;

  /// The server, as its connections see it.
  class Owner {
   public:
    virtual ticket::Service& service() = 0;
    virtual const Options& options() const = 0;
    /// With the present time.
    virtual const ResponseWriter& writer() = 0;
    /// One for all connections: what is read is parsed or copied before the next one reads.
    virtual std::span<char> read_buffer() = 0;
    /// Has flush() called soon, but not from within this call.
    virtual void flush_later(std::shared_ptr<Connection> connection) = 0;
    /// The connection was closed and will not call again.
    virtual void closed(Connection& connection) = 0;

   protected:
    ~Owner() = default;
  };

  /// `socket` is connected and does not block. `owner` must outlive this, or call abandon().
  Connection(asio::ip::tcp::socket socket, Owner& owner);

  /// Serves until the client or a limit ends it.
  void serve();
  /// Answers with this, whatever the client sends, and closes.
  void refuse(const Response& response);
  /// Writes the answers that are ready.
  void flush();
  /// Keeps the time-outs; called every now and then.
  void check_time(Clock::time_point now);
  /// The next request is the last: its answer says so.
  void part() { parting_ = true; }
  /// Takes no new requests; closes when those under way are answered.
  void drain();
  /// Closes at once, without a call to the owner, which is of no more interest.
  void abandon();

  /// Bytes of answers kept here that the client has not taken, or has taken just now.
  std::size_t output_bytes() const { return out_.size(); }

  /// Where the owner keeps this connection.
  std::size_t index = 0;

 private:
  enum class State {
    kServing,
    /// The last answer was sent; what the client still sends is dropped.
    kLingering,
    kClosed,
  };

  void advance();
  void parse(std::string_view& input);
  void begin(const Request& request);
  void end_input(const Response& response);
  void send();
  void drop_sent();
  void settle();
  void start_clocks(bool reading);
  void linger();
  void close();

  void wait_readable();
  void on_readable();
  void on_bytes(std::string_view bytes);
  void on_end();
  void wait_writable();

  // connection_calls.cpp
  void ask(std::uint64_t place);
  void on_leader(std::uint64_t place, const ticket::LeaderView& leader);
  void ask_service(std::uint64_t place, Place where);
  void on_done(std::uint64_t place, const ticket::Answer& outcome);
  void on_found(std::uint64_t place, const ticket::QueryAnswer& outcome);
  void answer(std::uint64_t place, const Response& response);
  void answered();
  std::string written(const Response& response, Framing framing);

  /// Too much is waiting to take more in.
  bool full() const;
  bool wants_bytes() const;
  /// No request will come after those in the pipeline, because the server closes.
  bool drained() const;
  void mark_last();
  std::size_t unsent() const { return out_.size() - sent_; }

  asio::ip::tcp::socket socket_;
  Owner* owner_;
  const Limits& limits_;
  State state_ = State::kServing;
  Parser parser_;
  Pipeline pipeline_;
  /// Received while full(): not parsed yet. At most one read buffer.
  std::string input_;
  std::string out_;
  std::size_t sent_ = 0;

  /// No request will come after those in the pipeline.
  bool input_ended_ = false;
  /// The client has closed its side.
  bool client_done_ = false;
  /// The answer that ends the connection is in out_, or sent.
  bool last_written_ = false;
  bool parting_ = false;
  bool draining_ = false;

  bool advancing_ = false;
  bool flush_due_ = false;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;

  /// Calls into the service that were not answered; they hold `this`.
  std::size_t calls_ = 0;
  std::shared_ptr<Connection> held_by_calls_;

  /// A request or an answer moved since settle() looked.
  bool active_ = true;
  Clock::time_point idle_since_{};
  /// When the first byte of a request came that is not whole.
  bool timing_request_ = false;
  Clock::time_point request_began_{};
  /// When the client last took a byte.
  Clock::time_point last_taken_{};
  Clock::time_point linger_until_{};
  std::size_t lingered_bytes_ = 0;
};

}  // namespace ticketd::http
