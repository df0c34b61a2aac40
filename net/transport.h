// How a replica talks to its peers: the seam behind which TCP stands in the server, and a simulated
// network in the simulator.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/message.h"

namespace ticketd::net {

struct Peer {
  raft::MemberId id;
  /// HOST:PORT.
  std::string address;

  bool operator==(const Peer&) const = default;
};

/// Why a call got no reply.
enum class CallFailure : std::uint8_t {
  /// Nothing of it left this node.
  kNotSent,
  /// Sent, and the connection broke or the time ran out: it may have been done.
  kNoReply,
};

using CallResult = std::variant<Reply, CallFailure>;
/// Answers a request; call it exactly once, at any later time, on the loop. Safe when the asking
/// connection is gone.
using Responder = std::function<void(Reply)>;

/// What the transport tells its owner; all on the event loop's thread.
class TransportEvents {
 public:
  virtual ~TransportEvents() = default;
  virtual void on_message(raft::Envelope envelope) = 0;
  virtual void on_status(raft::MemberId from, const MemberStatus& status) = 0;
  /// The connection to that peer broke: messages sent before may be lost.
  virtual void on_unreachable(raft::MemberId peer) = 0;
  virtual void on_request(Call call, Responder respond) = 0;
  /// Called for each Hello before anything else of that connection is heard. None: welcome.
  virtual std::optional<Refused> judge(const Hello& hello) = 0;
  /// The peer did not want us.
  virtual void on_refused(raft::MemberId peer, const Refused& refused) = 0;
};

/// Messages may be lost (the queue to a slow peer is bounded, connections break), never altered or
/// doubled by the transport; those to one peer on one lane arrive in order.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Who we are; used for connections made from now on.
  virtual void set_self(Hello prototype) = 0;
  /// Whom to keep connections to. A peer whose address changed is dialed anew; connections to and
  /// from one that is gone are closed (it may dial again, and is judged again).
  virtual void set_peers(std::vector<Peer> peers) = 0;

  virtual void send(const raft::Envelope& envelope) = 0;
  virtual void send(raft::MemberId to, const MemberStatus& status) = 0;
  /// `done` is called exactly once, never from inside the call.
  virtual void call(raft::MemberId to, Call call, raft::Micros timeout,
                    std::function<void(CallResult)> done) = 0;

  /// Closes everything; every pending call is answered first.
  virtual void close() = 0;
};

}  // namespace ticketd::net
