// A client on a loopback socket, on the loop of the server that it speaks to. The test runs the
// loop until what it waits for has happened.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace ticketd::serve::testing {

using namespace std::chrono_literals;

/// A test that waits longer has failed. Generous: sanitizers and a busy machine are slow.
inline constexpr auto kDeadline = 20s;

/// Runs the loop until `done`; false after kDeadline.
template <class Done>
bool run_until(asio::io_context& loop, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    loop.restart();
    loop.run_one_for(50ms);
  }
  return true;
}

class Client {
 public:
  Client(asio::io_context& loop, std::uint16_t port, bool reading = true,
         const asio::ip::address& address = asio::ip::make_address("127.0.0.1"))
      : loop_(loop), socket_(loop) {
    socket_.connect({address, port});
    if (reading) {
      read();
    }
  }

  void send(std::string bytes) {
    auto kept = std::make_shared<std::string>(std::move(bytes));
    ++sending_;
    asio::async_write(
        socket_, asio::buffer(*kept),
        [this, kept, alive = std::weak_ptr(alive_)](const asio::error_code&, std::size_t) {
          if (!alive.expired()) {
            --sending_;
          }
        });
  }
  /// Closes this side once all was sent.
  void half_close() {
    REQUIRE(run_until(loop_, [this] { return sending_ == 0; }));
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send);
  }
  void read() {
    socket_.async_read_some(
        asio::buffer(buffer_),
        [this, alive = std::weak_ptr(alive_)](const asio::error_code& error, std::size_t size) {
          if (alive.expired()) {
            return;
          }
          received.append(buffer_.data(), size);
          ended = error == asio::error::eof;
          reset = error && !ended;
          if (!error) {
            read();
          }
        });
  }
  bool wait_for(std::string_view text) {
    std::size_t from = 0;
    return run_until(loop_, [&] {
      const bool found = received.find(text, from) != std::string::npos;
      // What was searched once is not searched again, but for a beginning at its end.
      from = received.size() - std::min(received.size(), text.size());
      return found;
    });
  }
  /// The server has closed the connection; the client has seen all it sent, and no reset.
  bool wait_for_end() {
    return run_until(loop_, [&] { return ended || reset; }) && !reset;
  }
  /// How often a text was received.
  std::size_t count(std::string_view text) const {
    std::size_t result = 0;
    for (std::size_t at = received.find(text); at != std::string::npos;
         at = received.find(text, at + 1)) {
      ++result;
    }
    return result;
  }
  bool starts_with(std::string_view text) const { return received.starts_with(text); }
  asio::ip::tcp::socket& socket() { return socket_; }

  std::string received;
  bool ended = false;
  bool reset = false;

 private:
  asio::io_context& loop_;
  asio::ip::tcp::socket socket_;
  std::array<char, 16384> buffer_;
  std::size_t sending_ = 0;
  /// Handlers may be run after the client is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>();
};

}  // namespace ticketd::serve::testing
