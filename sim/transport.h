// A process's connections to its peers: dialed, greeted, dialed again, as net/ does it over TCP.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "net/transport.h"
#include "sim/network.h"

namespace ticketd::sim {

class SimulatedTransport : public net::Transport {
 public:
  /// Of one life of a process.
  SimulatedTransport(Simulation& simulation, Process& process);

  void start(net::TransportEvents& events) { events_ = &events; }
  net::TransportEvents& events() { return *events_; }
  const std::optional<net::Hello>& self() const { return self_; }

  // --- The network tells ------------------------------------------------------------------------
  void welcomed(SessionId session, const net::Welcome& welcome);
  void refused(SessionId session, const net::Refused& refused);
  void broke(SessionId session);
  void answered(SessionId session, net::Response response);

  // --- net::Transport ---------------------------------------------------------------------------
  void set_self(net::Hello prototype) override { self_ = std::move(prototype); }
  void set_peers(std::vector<net::Peer> peers) override;
  void send(const raft::Envelope& envelope) override;
  void send(raft::MemberId to, const net::MemberStatus& status) override;
  void call(raft::MemberId to, net::Call call, raft::Micros timeout,
            std::function<void(net::CallResult)> done) override;
  void close() override;

 private:
  struct Pending {
    std::uint64_t id = 0;
    std::function<void(net::CallResult)> done;
  };
  struct Waiting {
    Lane lane;
    std::string frame;
  };
  struct Link {
    enum class State : std::uint8_t { kWaiting, kGreeting, kReady };
    net::Peer peer;
    State state = State::kWaiting;
    SessionId session = 0;
    /// kGreeting: when the attempt has failed; kWaiting: when to dial again.
    Micros until = 0;
    Micros backoff = 0;
    /// kReady: since when nothing has come through.
    std::optional<Micros> stalled_since;
    /// For when the link is ready; at most kBacklogMax.
    std::vector<Waiting> backlog;
    std::vector<Pending> pending;
  };
  static constexpr std::size_t kBacklogMax = 64;

  template <class Message>
  void send(raft::MemberId to, Lane lane, const Message& message);
  Link* find(raft::MemberId member);
  Link* find_session(SessionId session);
  raft::Micros dial_patience() const;
  void dial(Link& link);
  void watch(const Link& link);
  void attempt_failed(Link& link);
  bool is_stalled(Link& link);
  void fail(std::vector<Pending> pending);
  void later(std::function<void()> action);

  Simulation& simulation_;
  Process& process_;
  net::TransportEvents* events_ = nullptr;
  std::optional<net::Hello> self_;
  std::vector<Link> links_;
  std::uint64_t last_call_ = 0;
  bool closed_ = false;
};

}  // namespace ticketd::sim
