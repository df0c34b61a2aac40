// A client as the world has them: it asks one node, follows redirects, and gives up at its
// deadline.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/address.h"
#include "jepsen/http_answer.h"

namespace ticketd::jepsen {

/// What the workloads speak to, whatever the protocol behind it. All of it happens in one loop's
/// thread.
class TicketClient {
 public:
  using Clock = std::chrono::steady_clock;
  using Callback = std::function<void(const Reply&)>;

  virtual ~TicketClient() = default;

  /// Asks that node (from 1), which may lead it to others. `told` is called once, from the loop, at
  /// the deadline at the latest; never after the client went. Requires that nothing else is asked.
  virtual void ask(std::uint32_t node, const Question& question, Clock::time_point deadline,
                   Callback told) = 0;

  /// Breaks its connections now, whatever is under way: its outcome is unknown.
  virtual void cut() = 0;
};

/// Over HTTP, on one kept connection to each node. Sockets belong to the network namespace of the
/// thread that runs the loop.
class HttpClient : public TicketClient {
 public:
  /// The nodes' HTTP addresses, which are IP addresses, of node 1 and so on.
  HttpClient(asio::io_context& loop, std::vector<Address> nodes);
  ~HttpClient() override;

  void ask(std::uint32_t node, const Question& question, Clock::time_point deadline,
           Callback told) override;
  void cut() override;

 private:
  class Connection;
  struct Attempt;

  void ask_node(std::uint32_t node);
  void answered(std::uint32_t node, const HttpAnswer& answer);
  void finish(Reply reply, std::uint32_t node);
  std::uint32_t node_at(const std::string& location) const;

  asio::io_context& loop_;
  std::vector<Address> nodes_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::unique_ptr<Attempt> attempt_;
};

}  // namespace ticketd::jepsen
