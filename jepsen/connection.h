// A kept connection to one node.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/address.h"
#include "base/result.h"
#include "jepsen/protocol.h"

namespace ticketd::jepsen {

/// Connects when something is asked, and again when the node has closed. Handlers of the loop keep
/// it alive; after close() they do nothing.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = TicketClient::Clock;

  enum class Failure {
    kNotSent,    ///< nothing of the requests left this host
    kBroken,     ///< something of them may have left
    kMalformed,  ///< what came is no answer
  };

  /// What is sent, and what it leads to.
  struct Asked {
    std::string requests;
    /// How many answers are due, at least 1.
    std::size_t answers = 1;
    Clock::time_point deadline;
    /// Reads the answer of that number, as Protocol::answer does.
    std::function<Result<std::optional<Answer>>(std::size_t, std::string_view, std::size_t&)> read;
    /// It came. The connection is free again when the last one did.
    std::function<void(std::size_t, const Answer&)> answered;
    /// No more of them will come.
    std::function<void(Failure, const std::string&)> failed;
  };

  /// The address is an IP address.
  Connection(asio::io_context& loop, const Address& address);

  /// Requires that all that was asked before was answered or failed.
  void ask(Asked asked);

  /// What is under way is forgotten, without a word.
  void close();

  /// Fails what is under way; the other side does not see an orderly end.
  void cut();

 private:
  bool usable();
  void connect();
  void send();
  void receive();
  void take_answers();
  /// False when there is nothing more to read.
  bool take_answer();
  void complete(const Answer& answer);
  void fail(const std::string& why) { end(sent_ ? Failure::kBroken : Failure::kNotSent, why); }
  void end(Failure failure, const std::string& why);

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  const asio::ip::tcp::endpoint endpoint_;
  /// Handlers of an earlier round are too late.
  std::uint64_t round_ = 0;
  bool sent_ = false;
  std::string input_;
  std::array<char, 4096> block_;
  std::optional<Asked> asked_;
  /// Of the answers that are due.
  std::size_t got_ = 0;
};

}  // namespace ticketd::jepsen
