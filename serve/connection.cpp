#include "serve/connection.h"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <utility>

#include "base/check.h"

namespace ticketd::serve {

namespace {

/// A buffer that grew beyond this gives its memory back when it is empty.
constexpr std::size_t kBufferBytesKept = 4096;
/// Sent bytes at the front of the output are dropped when they are so many.
constexpr std::size_t kSentBytesKept = 64 * 1024;

void give_back(std::string& buffer) {
  if (buffer.empty() && buffer.capacity() > kBufferBytesKept) {
    buffer = std::string();
  }
}

bool is_not_ready(const asio::error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again ||
         error == asio::error::interrupted;
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Owner& owner)
    : socket_(std::move(socket)), owner_(&owner), limits_(owner.limits()) {}

void Connection::serve() { settle(); }

void Connection::refuse(std::size_t limit) {
  say_too_many(limit);
  end_input();
  advance();
}

void Connection::drain() {
  draining_ = true;
  if (state_ != State::kServing || advancing_) {
    return;
  }
  if (waiting() == 0 && out_.empty() && !in_request()) {
    close();
    return;
  }
  mark_if_last();
  settle();
}

void Connection::abandon() {
  owner_ = nullptr;
  close();
}

void Connection::flush() {
  flush_due_ = false;
  if (state_ == State::kServing) {
    advance();
  }
}

/// Loops instead of calling itself: every round may free room for the requests that wait in input_.
void Connection::advance() {
  ENSURE(!advancing_);
  advancing_ = true;
  do {
    std::string_view input = input_;
    parse(input);
    input_.erase(0, input_.size() - input.size());
    give_back(input_);
    if (state_ != State::kServing) {
      break;
    }
    mark_if_last();
    if (write_ready(out_)) {
      last_written_ = true;
    }
    send();
  } while (state_ == State::kServing && !input_.empty() && !full());
  advancing_ = false;
  settle();
}

/// Leaves in `input` what there is no room for now.
void Connection::parse(std::string_view& input) {
  while (!input.empty() && !input_ended_ && !full() && state_ == State::kServing) {
    take(input);
  }
  if (input_ended_) {
    input = {};
  }
}

void Connection::note_request() {
  active_ = true;
  timing_request_ = false;
}

void Connection::call_begun() {
  if (calls_++ == 0) {
    held_by_calls_ = shared_from_this();
  }
}

void Connection::call_ended() {
  ENSURE_GT(calls_, 0);
  active_ = true;
  if (serving() && !advancing_ && !flush_due_) {
    flush_due_ = true;
    owner_->flush_later(shared_from_this());
  }
  if (--calls_ == 0) {
    std::exchange(held_by_calls_, nullptr);
  }
}

bool Connection::full() const {
  return waiting() >= limits_.pipeline || unsent() + held_bytes() >= limits_.output_bytes;
}

bool Connection::drained() const { return draining_ && !in_request() && input_.empty(); }

/// Unless it is written already.
void Connection::mark_if_last() {
  if (drained() && waiting() > 0) {
    mark_last();
  }
}

bool Connection::wants_bytes() const {
  return !client_done_ && !input_ended_ && !full() && (!draining_ || in_request());
}

void Connection::send() {
  while (unsent() > 0 && !waiting_writable_) {
    asio::error_code error;
    const std::size_t taken =
        socket_.write_some(asio::buffer(out_.data() + sent_, unsent()), error);
    if (is_not_ready(error)) {
      last_taken_ = Clock::now();
      wait_writable();
      return;
    }
    if (error) {
      close();
      return;
    }
    sent_ += taken;
    active_ = true;
    drop_sent();
  }
  if (unsent() == 0) {
    sent_ = 0;
    out_.clear();
    give_back(out_);
  }
}

/// A client that reads steadily but never catches up would otherwise leave all that it has read
/// here.
void Connection::drop_sent() {
  if (sent_ >= kSentBytesKept) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
}

void Connection::settle() {
  if (state_ != State::kServing) {
    return;
  }
  const bool answered_all = waiting() == 0 && out_.empty();
  if ((last_written_ && out_.empty()) || (answered_all && (client_done_ || drained()))) {
    linger();
    return;
  }
  start_clocks(wants_bytes());
  if (wants_bytes()) {
    wait_readable();
  }
}

/// The client's time for a request does not run while nothing is read from it.
void Connection::start_clocks(bool reading) {
  const bool timing = reading && in_request();
  if ((timing && !timing_request_) || active_) {
    const Clock::time_point now = Clock::now();
    idle_since_ = active_ ? now : idle_since_;
    request_began_ = timing && !timing_request_ ? now : request_began_;
    active_ = false;
  }
  timing_request_ = timing;
}

/// A client must read what waits for it and must send what it has begun: neither excuses the other.
void Connection::check_time(Clock::time_point now) {
  if (state_ == State::kLingering) {
    if (now >= linger_until_) {
      close();
    }
  } else if (state_ == State::kServing) {
    if (unsent() > 0 && now - last_taken_ >= limits_.stalled_time) {
      close();
    } else if (timing_request_) {
      if (now - request_began_ >= limits_.request_time) {
        say_too_slow();
        end_input();
        advance();
      }
    } else if (unsent() == 0 && waiting() == 0 && now - idle_since_ >= limits_.idle_time) {
      close();
    }
  }
}

/// Closing with unread bytes in the socket would reset the connection, and the client might lose
/// the answer. So first only our side is closed, and the rest is read, for a while.
void Connection::linger() {
  state_ = State::kLingering;
  asio::error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error || client_done_) {
    close();
    return;
  }
  linger_until_ = Clock::now() + limits_.linger_time;
  wait_readable();
}

void Connection::close() {
  state_ = State::kClosed;
  asio::error_code ignored;
  socket_.close(ignored);
  input_ = out_ = std::string();
  sent_ = 0;
  if (owner_ != nullptr) {
    std::exchange(owner_, nullptr)->closed(*this);
  }
}

void Connection::wait_readable() {
  if (waiting_readable_) {
    return;
  }
  waiting_readable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const asio::error_code&) {
                       self->waiting_readable_ = false;
                       self->on_readable();
                     });
}

void Connection::on_readable() {
  const bool lingering = state_ == State::kLingering;
  if (state_ == State::kClosed || (!lingering && !wants_bytes())) {
    return;
  }
  const std::span<char> buffer = owner_->read_buffer();
  asio::error_code error;
  const std::size_t read = socket_.read_some(asio::buffer(buffer.data(), buffer.size()), error);
  if (is_not_ready(error)) {
    wait_readable();
  } else if (error == asio::error::eof && !lingering) {
    on_end();
  } else if (error) {
    close();
  } else if (!lingering) {
    on_bytes({buffer.data(), read});
  } else if (lingered_bytes_ += read; lingered_bytes_ > limits_.linger_bytes) {
    close();
  } else {
    wait_readable();
  }
}

void Connection::on_bytes(std::string_view bytes) {
  // Nothing is read while something waits in input_, so this comes next.
  ENSURE(input_.empty());
  ENSURE(!advancing_);
  advancing_ = true;
  parse(bytes);
  advancing_ = false;
  input_.assign(bytes);
  advance();
}

void Connection::on_end() {
  client_done_ = true;
  if (in_request()) {
    say_cut_short();
  }
  end_input();
  advance();
}

void Connection::wait_writable() {
  waiting_writable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const asio::error_code&) {
                       self->waiting_writable_ = false;
                       self->flush();
                     });
}

}  // namespace ticketd::serve
