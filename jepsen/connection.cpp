#include "jepsen/connection.h"

#include <asio/buffer.hpp>
#include <asio/write.hpp>
#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

Connection::Connection(asio::io_context& loop, const Address& address)
    : socket_(loop), timer_(loop), endpoint_(asio::ip::make_address(address.host), address.port) {}

void Connection::ask(Asked asked) {
  ENSURE(!asked_);
  ENSURE_GT(asked.answers, 0);
  asked_.emplace(std::move(asked));
  got_ = 0;
  timer_.expires_at(asked_->deadline);
  timer_.async_wait([self = shared_from_this(), this, round = round_](std::error_code error) {
    if (!error && round == round_) fail("no answer in time");
  });
  if (usable()) {
    send();
  } else {
    connect();
  }
}

void Connection::close() {
  ++round_;
  std::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  sent_ = false;
  input_.clear();
  asked_.reset();
}

void Connection::cut() {
  std::error_code ignored;
  if (socket_.is_open()) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  if (asked_) {
    fail("cut by the client");
  } else {
    close();
  }
}

/// Kept, and the node has not closed it since.
bool Connection::usable() {
  if (!socket_.is_open()) return false;
  char byte;
  std::error_code error;
  socket_.non_blocking(true, error);
  socket_.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
  if (error == asio::error::would_block) return true;
  socket_.close(error);
  return false;
}

void Connection::connect() {
  input_.clear();
  socket_.async_connect(endpoint_,
                        [self = shared_from_this(), this, round = round_](std::error_code error) {
                          if (round != round_) return;
                          if (error) return fail(error.message());
                          socket_.set_option(asio::ip::tcp::no_delay(true), error);
                          send();
                        });
}

void Connection::send() {
  sent_ = true;
  asio::async_write(
      socket_, asio::buffer(asked_->requests),
      [self = shared_from_this(), this, round = round_](std::error_code error, std::size_t) {
        if (round != round_) return;
        if (error) return fail(error.message());
        receive();
      });
}

void Connection::receive() {
  socket_.async_read_some(asio::buffer(block_), [self = shared_from_this(), this, round = round_](
                                                    std::error_code error, std::size_t bytes) {
    if (round != round_) return;
    if (error) return fail(error.message());
    input_.append(block_.data(), bytes);
    take_answers();
  });
}

void Connection::take_answers() {
  const std::uint64_t round = round_;
  while (take_answer()) {
  }
  if (round == round_) receive();
}

bool Connection::take_answer() {
  std::size_t length = 0;
  const auto answer = asked_->read(got_, input_, length);
  if (!answer.ok()) {
    end(Failure::kMalformed, answer.error().message);
    return false;
  }
  if (!answer->has_value()) return false;
  input_.erase(0, length);
  if (got_ + 1 == asked_->answers) {
    complete(**answer);
    return false;
  }
  const std::uint64_t round = round_;
  // A copy, since the call may end what it is part of.
  const auto answered = asked_->answered;
  answered(got_++, **answer);
  if (round != round_) return false;
  if (!(*answer)->close) return true;
  fail("the node closed the connection");
  return false;
}

void Connection::complete(const Answer& answer) {
  ++round_;
  timer_.cancel();
  sent_ = false;
  const auto answered = std::move(asked_->answered);
  asked_.reset();
  std::error_code ignored;
  // More answers than requests: not to be taken for those to the next.
  if (answer.close || !input_.empty()) socket_.close(ignored);
  answered(got_, answer);
}

void Connection::end(Failure failure, const std::string& why) {
  const auto failed = std::move(asked_->failed);
  close();
  failed(failure, why);
}

}  // namespace ticketd::jepsen
