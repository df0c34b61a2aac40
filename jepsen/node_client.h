// A client as the world has them: it asks one node, follows redirects, and gives up at its
// deadline.
#pragma once

#include <asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "jepsen/connection.h"
#include "jepsen/protocol.h"
#include "jepsen/ticket_client.h"

namespace ticketd::jepsen {

/// Has one kept connection to each node. Sockets belong to the network namespace of the thread that
/// runs the loop. Questions that are asked together are led on together: when the first of them was
/// answered, a redirect of a later one is a failure.
class NodeClient : public TicketClient {
 public:
  /// The nodes' addresses for that protocol, which are IP addresses, of node 1 and so on.
  NodeClient(asio::io_context& loop, const Protocol& protocol, std::vector<Address> nodes);
  ~NodeClient() override;

  void ask(std::uint32_t node, Questions questions, Clock::time_point deadline,
           Callback told) override;
  bool keeps_order() const override { return protocol_.keeps_order; }
  void cut() override;

 private:
  struct Attempt;

  void ask_node(std::uint32_t node);
  void answered(std::uint32_t node, std::size_t which, const Answer& answer);
  void follow(std::uint32_t node);
  void failed(Connection::Failure failure, const std::string& why);
  /// What was redirected, and will not be asked again.
  void give_up_redirected();
  /// The attempt is over with the last of its questions.
  void tell(std::size_t which, const Reply& reply);
  std::uint32_t node_at(const std::string& address) const;

  asio::io_context& loop_;
  const Protocol& protocol_;
  std::vector<Address> nodes_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::unique_ptr<Attempt> attempt_;
};

}  // namespace ticketd::jepsen
