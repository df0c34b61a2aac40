// The connection that we keep to one peer on one lane: dialed, greeted, and dialed again.
#pragma once

#include <asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <string>

#include "net/connection.h"
#include "net/pending_calls.h"
#include "net/transport_core.h"

namespace ticketd::net {

class PeerLink : public ConnectionHandler, public std::enable_shared_from_this<PeerLink> {
 public:
  /// What may wait beyond the queue's bound, for messages that are small and keep the cluster
  /// together: a queue full of entries must not cost a vote or a heartbeat.
  static constexpr std::size_t kSmallReserve = 64 << 10;
  static constexpr std::size_t kPendingCallsMax = 100'000;

  PeerLink(std::shared_ptr<TransportCore> core, Peer peer, Lane lane);

  const Peer& peer() const { return peer_; }
  bool is_ready() const { return state_ == State::kReady; }
  /// Waiting to be sent.
  std::size_t queued_bytes() const;

  /// Dials, if it is time: the transport started, or we came to know who we are.
  void wake();
  /// That peer just dialed us, so it is there.
  void nudge();

  /// Before the link is ready messages wait for the attempt under way (a vote asked for at the
  /// start is worth more than the next one), and are dropped if it fails. When the queue is full
  /// the new message is dropped: those before it fit together, and the peer would refuse what
  /// follows a gap.
  template <class Message>
  void send(const Message& message, bool small) {
    const std::size_t queue_max =
        core_->options().max_queue_bytes + (small ? kSmallReserve : std::size_t{0});
    if (state_ == State::kClosed || !queue(message, queue_max)) {
      core_->count_drop();
    }
  }
  void call(Call call, Clock::time_point deadline, PendingCalls::Done done);

  void sweep(Clock::time_point now);
  /// Ends for good.
  void close();

 private:
  enum class State {
    /// Bulk lane: nothing to send. Control lane: not yet begun.
    kRest,
    kResolving,
    kConnecting,
    /// Connected; Hello was sent.
    kGreeting,
    kReady,
    /// For retry_at_.
    kWaiting,
    kClosed,
  };

  template <class Message>
  bool queue(const Message& message, std::size_t queue_max) {
    last_sent_ = Clock::now();
    if (state_ == State::kReady) {
      return connection_->send(message, queue_max);
    }
    const std::size_t before = backlog_.size();
    encode(message, backlog_);
    if (backlog_.size() > queue_max) {
      backlog_.resize(before);
      return false;
    }
    if (state_ == State::kRest) {
      dial();
    }
    return true;
  }

  // The attempt, step by step.
  void dial();
  void resolve();
  void resolved(Result<Endpoints> found);
  void resolved_late(Result<Endpoints> found);
  void connect_next();
  void connected();
  void greeted(const Welcome& welcome);
  void refused(const Refused& refused);
  void answered(Response response);
  /// This endpoint is no good: the next one, or later again.
  void attempt_failed(const std::string& reason);
  void wait();
  /// Once for each reason, until it worked in between.
  void tell(const std::string& reason, const std::string& text);
  static void fail(TransportCore& core, std::vector<PendingCalls::Done> calls);

  void on_frame(Frame frame) override;
  void on_broken(const std::string& reason) override;
  std::string name() const;

  std::shared_ptr<TransportCore> core_;
  const Peer peer_;
  const Lane lane_;
  State state_ = State::kRest;
  /// Of the attempt's present step.
  Clock::time_point deadline_;
  /// Counts connects, so that a late answer to one is not taken for the next one's.
  std::uint64_t attempt_ = 0;
  Clock::time_point retry_at_;
  Clock::duration backoff_;
  /// The failure that was told last; the same again is no news until it worked in between.
  std::string told_;

  /// As last resolved; the one that worked last comes first. next_ <= endpoints_.size().
  Endpoints endpoints_;
  std::size_t next_ = 0;
  bool resolving_ = false;
  /// An answer that came after its attempt was over: the next one's.
  std::optional<Endpoints> late_;
  std::optional<asio::ip::tcp::socket> socket_;
  /// What we said of ourselves on this attempt.
  Hello hello_;

  /// Frames for when the link is ready; empty once it is.
  std::string backlog_;
  std::shared_ptr<Connection> connection_;
  Clock::time_point ready_at_;
  Clock::time_point last_sent_;
  PendingCalls pending_;
};

}  // namespace ticketd::net
