#include "net/peer_link.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace ticketd::net {

using asio::ip::tcp;

namespace {

constexpr std::chrono::milliseconds kFirstBackoff{10};
/// Responses are small; a burst of them is read at once.
constexpr std::size_t kReadBytes = 16 << 10;

std::string text_of(raft::MemberId id) {
  std::ostringstream out;
  out << id;
  return std::move(out).str();
}

}  // namespace

PeerLink::PeerLink(std::shared_ptr<TransportCore> core, Peer peer, Lane lane)
    : core_(std::move(core)), peer_(std::move(peer)), lane_(lane), backoff_(kFirstBackoff) {}

std::string PeerLink::name() const {
  return "member " + text_of(peer_.id) + " at " + peer_.address;
}

std::size_t PeerLink::queued_bytes() const {
  return backlog_.size() + (connection_ ? connection_->unsent() : 0);
}

void PeerLink::wake() {
  if (state_ == State::kRest && (lane_ == Lane::kControl || !backlog_.empty())) {
    dial();
  }
}

void PeerLink::nudge() {
  const Clock::time_point now = Clock::now();
  // Not where connections are made and broken at once: two such peers would nudge each other on.
  if (state_ == State::kWaiting && now - ready_at_ > core_->election_timeout()) {
    retry_at_ = now;
  }
}

// --- An attempt ----------------------------------------------------------------------------------

void PeerLink::dial() {
  if (core_->events() == nullptr || core_->self() == nullptr) {
    return;  // woken when both are there
  }
  hello_ = *core_->self();
  hello_.to = peer_.id;
  hello_.lane = lane_;
  state_ = State::kResolving;
  deadline_ = Clock::now() + core_->election_timeout();
  resolve();
}

void PeerLink::resolve() {
  const Result<Address> address = parse_address(peer_.address);
  if (!address) {
    return resolved(address.error());
  }
  if (const auto literal = literal_endpoint(*address)) {
    return resolved(Endpoints{*literal});
  }
  if (late_) {
    return resolved(*std::exchange(late_, std::nullopt));
  }
  if (resolving_) {
    return;  // the earlier look-up still hangs; its answer serves this attempt, or the deadline
             // does
  }
  resolving_ = true;
  core_->resolve(*address, [link = weak_from_this()](Result<Endpoints> found) {
    if (const std::shared_ptr<PeerLink> self = link.lock()) {
      self->resolving_ = false;
      if (self->state_ == State::kResolving) {
        self->resolved(std::move(found));
      } else {
        self->resolved_late(std::move(found));
      }
    }
  });
}

/// Where names take longer than an attempt, every answer would be too late if it were dropped.
void PeerLink::resolved_late(Result<Endpoints> found) {
  if (!found || found->empty() || state_ == State::kReady || state_ == State::kClosed) {
    return;
  }
  late_ = std::move(*found);
  if (state_ == State::kWaiting && endpoints_.empty()) {
    retry_at_ = Clock::now();  // the name was all that was wanting
  }
}

/// When names cannot be resolved for the moment, the addresses known from before do.
void PeerLink::resolved(Result<Endpoints> found) {
  if (found) {
    const Endpoints before = std::move(endpoints_);
    endpoints_ = std::move(*found);
    if (!before.empty()) {
      std::stable_partition(endpoints_.begin(), endpoints_.end(),
                            [&before](const tcp::endpoint& each) { return each == before[0]; });
    }
  }
  next_ = 0;
  if (endpoints_.empty()) {
    return attempt_failed(found ? "the name has no address" : found.error().message);
  }
  connect_next();
}

void PeerLink::connect_next() {
  const tcp::endpoint endpoint = endpoints_[next_++];
  state_ = State::kConnecting;
  deadline_ = Clock::now() + core_->election_timeout();
  socket_.emplace(core_->loop());
  socket_->async_connect(
      endpoint, [self = shared_from_this(), attempt = ++attempt_](const asio::error_code& error) {
        if (self->state_ != State::kConnecting || self->attempt_ != attempt) {
          return;
        }
        if (error) {
          return self->attempt_failed(error.message());
        }
        self->connected();
      });
}

void PeerLink::connected() {
  asio::error_code error;
  if (socket_->local_endpoint(error) == socket_->remote_endpoint(error)) {
    // TCP connects a port to itself when nobody listens there and it is the next free one.
    return attempt_failed("nobody listens there");
  }
  break_when_unacknowledged(*socket_, core_->election_timeout());
  connection_ = std::make_shared<Connection>(std::move(*socket_), Hearing::kGreetingAnswer,
                                             core_->election_timeout(), core_->warnings());
  socket_.reset();
  state_ = State::kGreeting;
  deadline_ = Clock::now() + core_->election_timeout();
  connection_->start(shared_from_this());
  connection_->send(hello_, kHandshakeBytesMax);
}

void PeerLink::greeted(const Welcome& welcome) {
  if (welcome.cluster_id != hello_.cluster_id || welcome.self != peer_.id) {
    return attempt_failed("member " + text_of(welcome.self) + " of cluster " +
                          std::to_string(welcome.cluster_id) + " answers there");
  }
  state_ = State::kReady;
  ready_at_ = last_sent_ = Clock::now();
  std::swap(endpoints_[0], endpoints_[next_ - 1]);
  told_.clear();
  late_.reset();
  if (lane_ == Lane::kControl) {
    spdlog::info("connected to {}", name());
  }
  connection_->hear(Hearing::kResponses, kReadBytes);
  if (!backlog_.empty()) {
    connection_->send_encoded(backlog_);
    clear_keeping(backlog_, 0);
  }
}

void PeerLink::refused(const Refused& refused) {
  connection_->close();
  connection_.reset();
  backlog_.clear();
  tell(refused.message, name() + " refused the connection: " + refused.message);
  wait();
  core_->events()->on_refused(peer_.id, refused);
}

void PeerLink::attempt_failed(const std::string& reason) {
  socket_.reset();
  if (connection_) {
    connection_->close();
    connection_.reset();
  }
  if (next_ < endpoints_.size()) {
    return connect_next();
  }
  tell(reason, "cannot reach " + name() + ": " + reason);
  const bool lost = !backlog_.empty();
  backlog_.clear();
  wait();
  // A snapshot waits for the answer to each chunk, for longer than an attempt takes. On the control
  // lane the break before was told, and everything is repeated soon.
  if (lost && lane_ == Lane::kBulk) {
    core_->later([self = shared_from_this()] {
      if (self->state_ != State::kClosed && self->core_->events() != nullptr) {
        self->core_->events()->on_unreachable(self->peer_.id);
      }
    });
  }
}

void PeerLink::tell(const std::string& reason, const std::string& text) {
  if (told_ != reason) {
    told_ = reason;
    core_->warnings()->warn(name() + ": " + reason, text);
  }
}

/// Between half of the back-off and all of it: peers that lost each other at one moment do not all
/// come back at one. Whatever the reason, the next attempt begins within half an election time-out,
/// the sweep's delay included: who is wanted again must not stay away for an election.
void PeerLink::wait() {
  const Clock::duration longest = core_->election_timeout() / 2 - core_->sweep_interval();
  const Clock::duration full = std::min<Clock::duration>(backoff_, longest);
  const auto half = static_cast<std::uint64_t>(full.count() / 2);
  state_ = State::kWaiting;
  retry_at_ = Clock::now() + full / 2 +
              Clock::duration(static_cast<Clock::rep>(core_->random().between(0, half)));
  backoff_ = std::min<Clock::duration>(backoff_ * 2, longest);
}

// --- The connection ------------------------------------------------------------------------------

void PeerLink::on_frame(Frame frame) {
  if (core_->events() == nullptr) {
    return;
  }
  if (auto* response = std::get_if<Response>(&frame)) {
    return answered(std::move(*response));
  }
  if (const auto* welcome = std::get_if<Welcome>(&frame)) {
    return greeted(*welcome);
  }
  const auto* refusal = std::get_if<Refused>(&frame);
  ENSURE_MSG(refusal != nullptr, "a frame that the decoder should have refused");
  refused(*refusal);
}

void PeerLink::on_broken(const std::string& reason) {
  connection_.reset();
  if (state_ != State::kReady) {
    return attempt_failed(reason);
  }
  tell(reason, "lost the connection to " + name() + ": " + reason);
  // Where connections are made and broken at once, the back-off goes on growing.
  if (Clock::now() - ready_at_ > core_->election_timeout()) {
    backoff_ = kFirstBackoff;
  }
  wait();
  fail(*core_, pending_.take_all());
  core_->events()->on_unreachable(peer_.id);
}

void PeerLink::fail(TransportCore& core, std::vector<PendingCalls::Done> calls) {
  for (PendingCalls::Done& done : calls) {
    core.later([done = std::move(done)] { done(CallFailure::kNoReply); });
  }
}

void PeerLink::call(Call call, Clock::time_point deadline, PendingCalls::Done done) {
  const auto not_sent = [this](PendingCalls::Done waiting) {
    core_->later([waiting = std::move(waiting)] { waiting(CallFailure::kNotSent); });
  };
  if (state_ != State::kReady || pending_.size() >= kPendingCallsMax) {
    return not_sent(std::move(done));
  }
  const std::uint64_t id = pending_.add(deadline, std::move(done));
  last_sent_ = Clock::now();
  if (!connection_->send(Request{id, std::move(call)}, core_->options().max_queue_bytes)) {
    not_sent(pending_.take(id));
  }
}

void PeerLink::answered(Response response) {
  if (!pending_.knows(response.id)) {
    const auto connection = connection_;
    connection->close();
    return on_broken("it answered a request that it was never sent");
  }
  // No callback: its time had run out.
  if (const PendingCalls::Done done = pending_.take(response.id)) {
    done(std::move(response.reply));
  }
}

void PeerLink::sweep(Clock::time_point now) {
  switch (state_) {
    case State::kRest:
    case State::kClosed:
      return;
    case State::kResolving:
      return now >= deadline_ ? resolved(Error{"its name is still being resolved"}) : void();
    case State::kConnecting:
      return now >= deadline_ ? attempt_failed("no answer to the attempt to connect") : void();
    case State::kGreeting:
      return now >= deadline_ ? attempt_failed("no answer to the greeting")
                              : connection_->sweep(now);
    case State::kWaiting:
      if (now >= retry_at_) {
        state_ = State::kRest;
        wake();
      }
      return;
    case State::kReady:
      break;
  }
  // Before the other side finds it idle, so that neither takes it for a break.
  if (lane_ == Lane::kBulk && connection_->unsent() == 0 &&
      now - last_sent_ > to_duration(core_->options().idle_timeout) / 2) {
    connection_->close();
    connection_.reset();
    state_ = State::kRest;
    return;
  }
  fail(*core_, pending_.take_expired(now));
  connection_->sweep(now);
}

void PeerLink::close() {
  state_ = State::kClosed;
  socket_.reset();
  backlog_.clear();
  if (connection_) {
    connection_->close();
    connection_.reset();
  }
  fail(*core_, pending_.take_all());
}

}  // namespace ticketd::net
