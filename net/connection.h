// A TCP connection that carries frames.
#pragma once

#include <asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <utility>

#include "net/clock.h"
#include "net/codec.h"
#include "net/frame_decoder.h"
#include "net/warnings.h"

namespace ticketd::net {

class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  virtual void on_frame(Frame frame) = 0;
  /// It broke, or was closed for what the peer did or did not do. Called once, from the loop, and
  /// not after close().
  virtual void on_broken(const std::string& reason) = 0;
};

/// Gathers what is sent while the previous write is under way into one write: two buffers that
/// swap, with no allocation for each message once they have grown. Reads straight into the decoder.
///
/// Watches that the peer's kernel acknowledges what is sent: TCP_USER_TIMEOUT alone does not fire
/// in every state, and never for bytes that are still queued here. A slow connection may take as
/// long as it likes for all of it, as long as some of it arrives.
///
/// Everything on the loop's thread. Keeps itself and its handler alive while open.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `stall_limit`: without an acknowledged byte for so long, while any is due, it breaks.
  Connection(asio::ip::tcp::socket socket, Hearing hearing, Clock::duration stall_limit,
             std::shared_ptr<Warnings> warnings);

  void start(std::shared_ptr<ConnectionHandler> handler);

  /// What is heard from the next frame on, and how many bytes are read at a time.
  void hear(Hearing hearing, std::size_t read_bytes);
  void set_stall_limit(Clock::duration limit) { stall_limit_ = limit; }

  /// Queues a message (any that net/codec.h encodes). False, and nothing is queued, if more than
  /// `queue_max` bytes would wait.
  template <class Message>
  bool send(const Message& message, std::size_t queue_max) {
    const std::size_t before = gathering_.size();
    encode(message, gathering_);
    if (unsent() > queue_max) {
      gathering_.resize(before);
      return false;
    }
    schedule_write();
    return true;
  }
  /// Queues whole frames.
  void send_encoded(std::string_view frames);

  /// Says goodbye: hears nothing any more, writes what is queued, then waits a moment for the other
  /// side to close, so that it reads all of it (a close with unread bytes would discard it).
  void finish(Clock::time_point deadline);
  void close();

  /// To be called a few times in every stall_limit.
  void sweep(Clock::time_point now);

  bool is_open() const { return socket_.is_open(); }
  /// Bytes that the kernel has not taken yet.
  std::size_t unsent() const { return gathering_.size() + sending_.size() - sent_; }
  Clock::time_point last_heard() const { return last_heard_; }
  const std::string& remote() const { return remote_; }
  asio::ip::tcp::socket& socket() { return socket_; }

 private:
  void read();
  void take_read(std::size_t bytes);
  void schedule_write();
  void write_gathered();
  void write();
  void take_written(std::size_t bytes);
  void fail(const std::string& reason);

  asio::ip::tcp::socket socket_;
  std::string remote_;
  std::shared_ptr<ConnectionHandler> handler_;
  std::shared_ptr<Warnings> warnings_;
  FrameDecoder decoder_;
  std::size_t read_bytes_;
  Clock::time_point last_heard_;

  std::string gathering_;
  std::string sending_;
  /// Of sending_: sent_ <= sending_.size().
  std::size_t sent_ = 0;
  bool write_scheduled_ = false;

  Clock::duration stall_limit_;
  /// All bytes that the kernel took, and those of them that were acknowledged when last looked at.
  std::uint64_t written_ = 0;
  std::uint64_t acknowledged_ = 0;
  Clock::time_point progress_at_;
  Clock::time_point swept_at_;

  bool finishing_ = false;
  Clock::time_point finish_by_;
};

}  // namespace ticketd::net
