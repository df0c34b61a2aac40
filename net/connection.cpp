#include "net/connection.h"

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/defer.hpp>

#include "base/check.h"
#include "base/memory.h"
#include "net/sockets.h"

namespace ticketd::net {

namespace {

/// Enough for a greeting; members are read in larger pieces once they are known.
constexpr std::size_t kFirstReadBytes = 4 << 10;
/// A buffer that grew past this in a burst is given back.
constexpr std::size_t kKeptBytes = 1 << 20;

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Hearing hearing, Clock::duration stall_limit,
                       std::shared_ptr<Warnings> warnings)
    : socket_(std::move(socket)),
      remote_(remote_name(socket_)),
      warnings_(std::move(warnings)),
      decoder_(hearing),
      read_bytes_(kFirstReadBytes),
      last_heard_(Clock::now()),
      stall_limit_(stall_limit),
      progress_at_(last_heard_),
      swept_at_(last_heard_) {
  send_at_once(socket_);
}

void Connection::start(std::shared_ptr<ConnectionHandler> handler) {
  handler_ = std::move(handler);
  read();
}

void Connection::hear(Hearing hearing, std::size_t read_bytes) {
  decoder_.hear(hearing);
  read_bytes_ = read_bytes;
}

void Connection::send_encoded(std::string_view frames) {
  gathering_.append(frames);
  schedule_write();
}

void Connection::finish(Clock::time_point deadline) {
  finishing_ = true;
  finish_by_ = deadline;
  schedule_write();
}

void Connection::close() {
  handler_.reset();
  asio::error_code ignored;
  socket_.close(ignored);
}

void Connection::fail(const std::string& reason) {
  if (!is_open()) {
    return;
  }
  const std::shared_ptr<ConnectionHandler> handler = std::move(handler_);
  close();
  if (handler) {
    handler->on_broken(reason);
  }
}

// --- Reading -------------------------------------------------------------------------------------

void Connection::read() {
  const FrameDecoder::Space space = decoder_.prepare(read_bytes_);
  socket_.async_read_some(asio::buffer(space.data, space.size), [self = shared_from_this()](
                                                                    const asio::error_code& error,
                                                                    std::size_t bytes) {
    if (!self->is_open()) {
      return;
    }
    if (error) {
      return self->fail(error == asio::error::eof ? "the other side closed it" : error.message());
    }
    self->take_read(bytes);
    if (self->is_open()) {
      self->read();
    }
  });
}

void Connection::take_read(std::size_t bytes) {
  if (finishing_) {
    return;  // uncommitted, so the next read overwrites it
  }
  last_heard_ = Clock::now();
  decoder_.commit(bytes);
  while (is_open() && !finishing_) {
    Result<std::optional<Frame>> next = decoder_.next();
    if (!next) {
      // The bytes that came stand behind the colon.
      const std::string& reason = next.error().message;
      warnings_->warn(reason.substr(0, reason.find(':')),
                      "closed the connection with " + remote_ + ": " + reason);
      return fail(next.error().message);
    }
    if (!*next) {
      return;
    }
    // Kept alive: what it does with the frame may close this connection and let go of it.
    const std::shared_ptr<ConnectionHandler> handler = handler_;
    handler->on_frame(std::move(**next));
  }
}

// --- Writing -------------------------------------------------------------------------------------

/// Writes when the events at hand are done with: what they send leaves together.
void Connection::schedule_write() {
  if (write_scheduled_ || !sending_.empty() || !is_open()) {
    return;
  }
  write_scheduled_ = true;
  asio::defer(socket_.get_executor(), [self = shared_from_this()] {
    self->write_scheduled_ = false;
    if (self->is_open()) {
      self->write_gathered();
    }
  });
}

void Connection::write_gathered() {
  ENSURE(sending_.empty());
  if (!gathering_.empty()) {
    gathering_.swap(sending_);
    write();
  } else if (finishing_) {
    asio::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }
}

void Connection::write() {
  socket_.async_write_some(
      asio::buffer(sending_.data() + sent_, sending_.size() - sent_),
      [self = shared_from_this()](const asio::error_code& error, std::size_t bytes) {
        if (!self->is_open()) {
          return;
        }
        if (error) {
          return self->fail(error.message());
        }
        self->take_written(bytes);
      });
}

void Connection::take_written(std::size_t bytes) {
  sent_ += bytes;
  written_ += bytes;
  if (sent_ < sending_.size()) {
    return write();
  }
  sent_ = 0;
  clear_keeping(sending_, kKeptBytes);
  write_gathered();
}

// --- Watching ------------------------------------------------------------------------------------

void Connection::sweep(Clock::time_point now) {
  if (!is_open()) {
    return;
  }
  if (finishing_ && now >= finish_by_) {
    return fail("it was to be closed");
  }
  // A process that was stopped for a while must not blame its peers for it.
  const bool stood_still = now - swept_at_ > stall_limit_ / 2;
  swept_at_ = now;
  if (unsent() == 0 && acknowledged_ == written_) {
    progress_at_ = now;
    return;
  }
  const std::size_t due = unacknowledged_bytes(socket_).value_or(0);
  const std::uint64_t acknowledged = written_ - std::min<std::uint64_t>(due, written_);
  const bool progress = acknowledged > acknowledged_ || (due == 0 && unsent() == 0);
  acknowledged_ = std::max(acknowledged_, acknowledged);
  if (progress || stood_still) {
    progress_at_ = now;
  } else if (now - progress_at_ > stall_limit_) {
    const auto limit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(stall_limit_);
    fail("no byte was acknowledged for " + std::to_string(limit_ms.count()) + " ms, with " +
         std::to_string(due + unsent()) + " bytes due");
  }
}

}  // namespace ticketd::net
