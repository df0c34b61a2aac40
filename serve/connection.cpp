#include "serve/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace ticketd::serve {

namespace {

/// A buffer that grew beyond this gives its memory back when it is empty.
constexpr std::size_t kBufferBytesKept = 4096;
/// A client that is quiet for so long may be idle for longer; one that asks all the time has its
/// memory allocated once.
constexpr std::chrono::seconds kMemoryKept{1};
/// Sent bytes at the front of the output are dropped when they are so many.
constexpr std::size_t kSentBytesKept = 64 * 1024;

void give_back(std::string& buffer) {
  if (buffer.empty()) {
    clear_keeping(buffer, kBufferBytesKept);
  }
}

/// Of a call that failed.
bool is_not_ready() { return errno == EAGAIN || errno == EWOULDBLOCK; }

/// A call that a signal ended is made again.
template <class Call>
ssize_t uninterrupted(Call call) {
  ssize_t result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result;
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Owner& owner)
    : socket_(socket.release()), owner_(&owner), limits_(owner.limits()) {}

Connection::~Connection() {
  if (socket_ >= 0) {
    ::close(socket_);
  }
}

void Connection::serve() {
  if (join()) {
    settle();
  }
}

/// False: the kernel has no room for it, and it is closed.
bool Connection::join() {
  if (!owner_->ready_set().add(socket_, *this, place_)) {
    close();
    return false;
  }
  ready_set_ = &owner_->ready_set();
  return true;
}

void Connection::refuse(std::size_t limit) {
  if (join()) {
    say_too_many(limit);
    end_input();
    advance();
  }
}

void Connection::turn_away() {
  if (join()) {
    say_not_yet();
    end_input();
    advance();
  }
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

void Connection::resume() {
  resume_due_ = false;
  if (waiting_readable_ && readable_) {
    on_readable();
  }
  if (state_ == State::kServing) {
    advance();
  }
}

void Connection::later() {
  if (!resume_due_) {
    resume_due_ = true;
    owner_->resume_later(shared_from_this());
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
  if (serving() && !advancing_) {
    later();
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
    const ssize_t taken = uninterrupted([&] {
      return ::send(socket_, out_.data() + sent_, unsent(), MSG_DONTWAIT | MSG_NOSIGNAL);
    });
    if (taken < 0 && is_not_ready()) {
      last_taken_ = Clock::now();
      waiting_writable_ = true;
      return;
    }
    if (taken < 0) {
      close();
      return;
    }
    sent_ += static_cast<std::size_t>(taken);
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
  time_request(wants_bytes());
  if (wants_bytes()) {
    wait_readable();
  }
}

/// The client's time for a request does not run while nothing is read from it.
void Connection::time_request(bool reading) {
  const bool timing = reading && in_request();
  if (timing && !timing_request_) {
    request_began_ = Clock::now();
  }
  timing_request_ = timing;
}

/// A client must read what waits for it and must send what it has begun: neither excuses the other.
void Connection::check_time(Clock::time_point now) {
  if (std::exchange(active_, false)) {
    idle_since_ = now;
  }
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
    } else if (unsent() == 0 && waiting() == 0) {
      check_idle(now - idle_since_);
    }
  }
}

void Connection::check_idle(Clock::duration idle) {
  if (idle >= limits_.idle_time) {
    close();
  } else if (idle >= kMemoryKept) {
    give_back_memory();
  }
}

/// Closing with unread bytes in the socket would reset the connection, and the client might lose
/// the answer. So first only our side is closed, and the rest is read, for a while.
void Connection::linger() {
  state_ = State::kLingering;
  if (::shutdown(socket_, SHUT_WR) != 0 || client_done_) {
    close();
    return;
  }
  linger_until_ = Clock::now() + limits_.linger_time;
  wait_readable();
}

void Connection::close() {
  state_ = State::kClosed;
  if (ready_set_ != nullptr) {
    std::exchange(ready_set_, nullptr)->remove(place_);
  }
  if (socket_ >= 0) {
    ::close(std::exchange(socket_, -1));
  }
  clear_keeping(input_, 0);
  clear_keeping(out_, 0);
  sent_ = 0;
  if (owner_ != nullptr) {
    std::exchange(owner_, nullptr)->closed(*this);
  }
}

asio::ip::tcp::endpoint Connection::client() const {
  asio::ip::tcp::endpoint endpoint;
  socklen_t size = static_cast<socklen_t>(endpoint.capacity());
  if (::getpeername(socket_, endpoint.data(), &size) != 0) {
    return {};
  }
  endpoint.resize(size);
  return endpoint;
}

void Connection::ready(bool readable, bool writable, bool ended) {
  const std::shared_ptr<Connection> self = shared_from_this();  // it may close
  readable_ = readable_ || readable;
  ended_ = ended_ || ended;
  if (waiting_writable_ && writable) {
    waiting_writable_ = false;
    if (state_ == State::kServing) {
      advance();
    }
  }
  if (waiting_readable_ && readable_) {
    on_readable();
  }
}

void Connection::wait_readable() {
  waiting_readable_ = true;
  if (readable_) {
    later();  // what else waits has its turn before more is read here
  }
}

void Connection::on_readable() {
  waiting_readable_ = false;
  const bool lingering = state_ == State::kLingering;
  if (state_ != State::kClosed && (lingering || wants_bytes())) {
    read(lingering);
  }
}

void Connection::read(bool lingering) {
  const std::span<char> buffer = owner_->read_buffer();
  const ssize_t read =
      uninterrupted([&] { return ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT); });
  // Less than there was room for is all there was; and behind an end no other news will come.
  readable_ = ended_ ? read != -1 || !is_not_ready() : read == static_cast<ssize_t>(buffer.size());
  if (read < 0 && is_not_ready()) {
    wait_readable();
  } else if (read < 0 || (read == 0 && lingering)) {
    close();
  } else if (read == 0) {
    on_end();
  } else if (!lingering) {
    on_bytes({buffer.data(), static_cast<std::size_t>(read)});
  } else if (lingered_bytes_ += static_cast<std::size_t>(read);
             lingered_bytes_ > limits_.linger_bytes) {
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

}  // namespace ticketd::serve
