// Transports on real loopback sockets, and peers made of bare sockets that misbehave on purpose.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/clock.h"
#include "net/codec.h"
#include "net/frame_decoder.h"
#include "net/tcp_transport.h"

namespace ticketd::net {

inline constexpr std::uint64_t kCluster = 42;
inline constexpr raft::Micros kElectionTimeout = 200'000;

inline raft::MemberId member(std::uint64_t node, std::uint64_t incarnation = 1) {
  return {raft::NodeId(node), raft::Incarnation(incarnation)};
}

/// A message that is told apart by its number.
inline raft::Message numbered(std::uint64_t number) {
  return raft::HeartbeatRequest{raft::Term(1), raft::Index(0), number};
}
std::uint64_t number_of(const raft::Envelope& envelope);

/// An AppendRequest of one entry of that many bytes.
raft::Message large(std::size_t bytes, std::uint64_t index = 1);
raft::Message chunk(std::uint64_t offset, std::size_t bytes = 100);

/// Runs the loop until the condition holds; false if it does not within ten seconds.
bool run_until(asio::io_context& loop, const std::function<bool()>& condition);
/// Runs the loop for a span of time: for what must not happen.
void run_for(asio::io_context& loop, Clock::duration span);

std::string address_of(std::uint16_t port, const std::string& host = "127.0.0.1");

/// A member: a transport, and all it was told.
class TestNode : public TransportEvents {
 public:
  explicit TestNode(asio::io_context& loop, std::uint64_t node, TcpOptions options = defaults());

  static TcpOptions defaults();

  TcpTransport& transport() { return *transport_; }
  raft::MemberId id() const { return id_; }
  std::uint16_t port() const { return transport_->port(); }
  Peer as_peer() const { return {id_, address_of(port())}; }
  Hello hello() const;
  void connect_to(const TestNode& other) { transport_->set_peers({other.as_peer()}); }
  void send(raft::MemberId to, raft::Message message) {
    transport_->send(raft::Envelope{id_, to, std::move(message)});
  }
  /// Ends it; the port is free for another.
  void stop() { transport_.reset(); }
  bool ready(std::size_t connections = 1) const {
    return transport_->counters().dialed_connections == connections;
  }

  void on_message(raft::Envelope envelope) override;
  void on_status(raft::MemberId from, const MemberStatus& status) override;
  void on_unreachable(raft::MemberId peer) override;
  void on_request(Call call, Responder respond) override;
  std::optional<Refused> judge(const Hello& hello) override;
  void on_refused(raft::MemberId peer, const Refused& refused) override;

  std::vector<raft::Envelope> messages;
  std::vector<std::pair<raft::MemberId, MemberStatus>> statuses;
  std::vector<raft::MemberId> unreachable;
  std::vector<Hello> judged;
  std::vector<Refused> refusals;
  std::vector<std::pair<Call, Responder>> requests;
  /// What judge() says.
  std::optional<Refused> verdict;
  /// Called first in every event.
  std::function<void()> on_event = [] {};
  /// Answers requests at once when set.
  std::function<Reply(const Call&)> answer;

 private:
  raft::MemberId id_;
  std::unique_ptr<TcpTransport> transport_;
};

/// One end of a connection, by hand.
class BareSocket {
 public:
  explicit BareSocket(asio::ip::tcp::socket socket, Hearing hearing = Hearing::kGreetingAnswer);
  static BareSocket dial(asio::io_context& loop, std::uint16_t port);

  void write(std::string_view bytes);
  void write(const Frame& frame);
  void hear(Hearing hearing) { decoder_.hear(hearing); }
  /// Reads what is there, at most that many bytes; never blocks.
  void read(std::size_t max = 1 << 20);
  /// A frame that has come.
  std::optional<Frame> next();
  bool is_closed();
  std::size_t bytes_read() const { return bytes_read_; }
  void close() { socket_.close(); }

 private:
  asio::ip::tcp::socket socket_;
  FrameDecoder decoder_;
  bool closed_ = false;
  std::size_t bytes_read_ = 0;
};

/// Listens and leaves everything to the test.
class BareListener {
 public:
  /// `receive_bytes`: the receive buffer of accepted sockets, when not the system's.
  explicit BareListener(asio::io_context& loop, int receive_bytes = 0);

  std::uint16_t port() const { return port_; }
  /// A connection that was made, if there is one by now.
  std::optional<BareSocket> accept();
  /// Waits for a connection and its Hello, and welcomes it as that member.
  std::optional<BareSocket> welcome(asio::io_context& loop, const Welcome& welcome);

 private:
  asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_;
};

}  // namespace ticketd::net
