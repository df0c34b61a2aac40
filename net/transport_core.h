// What stands behind a TcpTransport: the links that it dialed, the sessions that it accepted, and
// what they share.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "net/clock.h"
#include "net/sockets.h"
#include "net/tcp_transport.h"
#include "net/warnings.h"
#include "serve/listener.h"

namespace ticketd::net {

class PeerLink;
class Session;

/// Outlives the TcpTransport as long as handlers that know it are queued on the loop; after close()
/// they find nothing to do.
class TransportCore : public std::enable_shared_from_this<TransportCore> {
 public:
  /// Of the connections accepted, so many are kept for members: clients alone cannot lock them out.
  static constexpr std::size_t kMemberReserve = 2 * raft::Configuration::kMaxMembers;
  /// Connections that are not welcome (yet), besides: those who have not said who they are, and
  /// those who were refused. When there are more the oldest is closed, so that strangers who never
  /// greet cannot keep out a member, which does so at once.
  static constexpr std::size_t kStrangersMax = 64;

  TransportCore(asio::io_context& loop, TcpOptions options);
  ~TransportCore();

  // --- What TcpTransport passes on ---------------------------------------------------------------
  Status listen();
  std::uint16_t port() const;
  void start(TransportEvents& events);
  void set_self(Hello prototype);
  void set_peers(std::vector<Peer> peers);
  void send(const raft::Envelope& envelope);
  void send(raft::MemberId to, const MemberStatus& status);
  void call(raft::MemberId to, Call call, raft::Micros timeout,
            std::function<void(CallResult)> done);
  void close();
  TransportCounters counters() const;

  // --- What links and sessions need --------------------------------------------------------------
  asio::io_context& loop() { return loop_; }
  const TcpOptions& options() const { return options_; }
  Clock::duration election_timeout() const { return to_duration(options_.election_timeout); }
  /// How often deadlines are looked at: all are then late by a small part of an election time-out.
  Clock::duration sweep_interval() const;
  Random& random() { return random_; }
  const std::shared_ptr<Warnings>& warnings() const { return warnings_; }
  /// Null before start and after close.
  TransportEvents* events() { return events_; }
  /// Null until it is known who we are.
  const Hello* self() const { return self_ ? &*self_ : nullptr; }

  /// Calls `event` from the loop, or from close(), whichever comes first: for what must not be
  /// called from inside a call of our owner.
  void later(std::function<void()> event);
  /// Resolves a name; `done` comes on the loop, and not after close().
  void resolve(const Address& address, std::function<void(Result<Endpoints>)> done);

  /// For a member's connection, besides the one that it would take the place of.
  bool has_room_for(const Hello& hello) const;
  bool has_room_for_client() const;
  /// A member introduced itself: an older connection of it on that lane is a thing of the past.
  void welcomed(const std::shared_ptr<Session>& session);
  void ended(const std::shared_ptr<Session>& session);
  void count_drop() { ++counters_.messages_dropped; }

 private:
  struct Links {
    std::shared_ptr<PeerLink> control;
    std::shared_ptr<PeerLink> bulk;
  };
  /// A thread that resolves a name may end after the loop is gone.
  struct Mailbox {
    std::mutex mutex;
    asio::io_context* loop = nullptr;
  };

  void accepted(asio::ip::tcp::socket socket);
  void close_oldest_stranger();
  void schedule_sweep();
  void sweep();
  void run_later();
  void retire(Links& links);
  PeerLink* control_link(raft::MemberId to);

  asio::io_context& loop_;
  const TcpOptions options_;
  Random random_;
  std::shared_ptr<Warnings> warnings_ = std::make_shared<Warnings>();
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  asio::steady_timer sweep_timer_;
  bool closed_ = false;

  TransportEvents* events_ = nullptr;
  std::optional<Hello> self_;
  std::shared_ptr<serve::Listener> listener_;
  std::map<raft::MemberId, Links> links_;
  std::unordered_set<std::shared_ptr<Session>> sessions_;
  std::deque<std::function<void()>> later_;
  bool later_posted_ = false;
  TransportCounters counters_;
};

}  // namespace ticketd::net
