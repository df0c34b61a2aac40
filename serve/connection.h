// One client's connection, whatever protocol it speaks.
#pragma once

#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "serve/limits.h"
#include "serve/ready_set.h"

namespace ticketd::serve {

/// Reads requests, and writes their answers in order; a protocol derives from it and says what
/// requests and answers are.
///
/// Everything happens on the loop's thread. Whatever may change the state ends in advance(): parse
/// what is there, write what is ready, and then settle() on what to wait for. Answers that come
/// later only fill what the protocol keeps; many that come together are written at once, since the
/// owner calls resume() later.
///
/// A connection lives while its owner, a handler of the loop or a call into a service holds it.
class Connection : public std::enable_shared_from_this<Connection>, private ReadySet::Member {
 public:
  using Clock = std::chrono::steady_clock;

  /// The server, as its connections see it.
  class Owner {
   public:
    virtual const Limits& limits() const = 0;
    /// One for all connections: what is read is parsed or copied before the next one reads.
    virtual std::span<char> read_buffer() = 0;
    /// Where sockets are waited for.
    virtual ReadySet& ready_set() = 0;
    /// Has resume() called soon, but not from within this call.
    virtual void resume_later(std::shared_ptr<Connection> connection) = 0;
    /// The connection was closed and will not call again.
    virtual void closed(Connection& connection) = 0;

   protected:
    ~Owner() = default;
  };

  /// `socket` is connected and does not block. `owner` must outlive this, or call abandon().
  Connection(asio::ip::tcp::socket socket, Owner& owner);
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Serves until the client or a limit ends it.
  void serve();
  /// Says that so many connections are open, whatever the client sends, and closes.
  void refuse(std::size_t limit);
  /// Says that nothing is served yet, whatever the client sends, and closes.
  void turn_away();
  /// Writes the answers that are ready, and reads what was left in the socket.
  void resume();
  /// Keeps the time-outs; called every now and then.
  void check_time(Clock::time_point now);
  /// The next request is the last, where the protocol has a word for that.
  void part() { parting_ = true; }
  /// Takes no new requests; closes when those under way are answered.
  void drain();
  /// Closes at once, without a call to the owner, which is of no more interest.
  void abandon();

  /// Bytes of answers kept here that the client has not taken, or has taken just now.
  std::size_t output_bytes() const { return out_.size(); }

  /// Where the owner keeps this connection.
  std::size_t index = 0;

 protected:
  // --- What the protocol says; asked while serving() only ----------------------------------------
  /// Takes the next request, or all there is of one that is not whole, from the front of `input`.
  virtual void take(std::string_view& input) = 0;
  /// Only a part of a request was taken so far.
  virtual bool in_request() const = 0;
  /// Requests whose answers were not written by write_ready() yet.
  virtual std::size_t waiting() const = 0;
  /// Bytes that are held for them.
  virtual std::size_t held_bytes() const = 0;
  /// The client has been quiet for a while, and nothing waits: memory that a busier time needed.
  virtual void give_back_memory() = 0;
  /// Appends every answer that is next in order. True: one of them is the connection's last.
  virtual bool write_ready(std::string& out) = 0;
  /// Tells the client with the last answer that waits that it is the last, if there is a word for
  /// that. Requires waiting().
  virtual void mark_last() {}
  /// Answers that the request which is not whole took too long, or was cut short by the client's
  /// end; or that there are more connections than so many; or that nothing is served yet.
  virtual void say_too_slow() = 0;
  virtual void say_cut_short() = 0;
  virtual void say_too_many(std::size_t limit) = 0;
  virtual void say_not_yet() = 0;

  // --- For the protocol --------------------------------------------------------------------------
  bool serving() const { return state_ == State::kServing; }
  bool parting() const { return parting_; }
  const Limits& limits() const { return limits_; }
  /// Its address is unspecified when it is gone.
  asio::ip::tcp::endpoint client() const;
  /// What stands here is sent next: only for an answer that nothing waits before.
  std::string& output() { return out_; }
  /// A request was taken whole.
  void note_request();
  /// No more requests are taken; the connection is closed when what waits is answered.
  void end_input() { input_ended_ = true; }
  /// A call into a service begins, and holds this connection until it ends with `call_ended`, which
  /// may be the end of this connection, too.
  void call_begun();
  void call_ended();

 private:
  enum class State {
    kServing,
    /// The last answer was sent; what the client still sends is dropped.
    kLingering,
    kClosed,
  };

  void advance();
  void parse(std::string_view& input);
  void send();
  void drop_sent();
  void settle();
  void time_request(bool reading);
  void check_idle(Clock::duration idle);
  void linger();
  void close();

  void ready(bool readable, bool writable, bool ended) override;
  void wait_readable();
  void on_readable();
  void read(bool lingering);
  void on_bytes(std::string_view bytes);
  void on_end();

  /// Too much is waiting to take more in.
  bool full() const;
  bool wants_bytes() const;
  /// No request will come after those that wait, because the server closes.
  bool drained() const;
  void mark_if_last();
  std::size_t unsent() const { return out_.size() - sent_; }

  bool join();
  void later();

  /// -1: closed.
  int socket_;
  /// Where the socket is waited for; null: nowhere.
  ReadySet* ready_set_ = nullptr;
  ReadySet::Ticket place_ = 0;
  Owner* owner_;
  const Limits& limits_;
  State state_ = State::kServing;
  /// Received while full(): not parsed yet. At most one read buffer.
  std::string input_;
  std::string out_;
  std::size_t sent_ = 0;

  /// No request will come after those that wait.
  bool input_ended_ = false;
  /// The client has closed its side.
  bool client_done_ = false;
  /// The answer that ends the connection is in out_, or sent.
  bool last_written_ = false;
  bool parting_ = false;
  bool draining_ = false;

  bool advancing_ = false;
  bool resume_due_ = false;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  /// There may be something in the socket that was not read, and that nobody will tell of again.
  bool readable_ = false;
  /// The last of what the client sent is there, or the connection is broken.
  bool ended_ = false;

  /// Calls into a service that were not answered; they hold `this`.
  std::size_t calls_ = 0;
  std::shared_ptr<Connection> held_by_calls_;

  /// A request or an answer moved since check_time() looked: that is when it became idle, as far as
  /// anybody can tell without reading the clock for each request.
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

}  // namespace ticketd::serve
