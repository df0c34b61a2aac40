#include "net/transport_core.h"

#include <algorithm>
#include <asio/post.hpp>
#include <utility>

#include "base/check.h"
#include "net/peer_link.h"
#include "net/session.h"

namespace ticketd::net {

namespace {

/// Everything but what carries entries or chunks.
bool is_small(const raft::Message& message) {
  if (const auto* append = std::get_if<raft::AppendRequest>(&message)) {
    return append->entries.empty();
  }
  return !std::holds_alternative<raft::SnapshotRequest>(message);
}

}  // namespace

TransportCore::TransportCore(asio::io_context& loop, TcpOptions options)
    : loop_(loop), options_(std::move(options)), random_(options_.seed), sweep_timer_(loop) {
  mailbox_->loop = &loop;
}

TransportCore::~TransportCore() = default;

Status TransportCore::listen() {
  auto listener = serve::Listener::open(loop_, {"peer", options_.host, options_.port});
  if (!listener) {
    return listener.error();
  }
  listener_ = std::move(*listener);
  return {};
}

std::uint16_t TransportCore::port() const { return listener_->port(); }

void TransportCore::start(TransportEvents& events) {
  ENSURE(events_ == nullptr && !closed_);
  events_ = &events;
  listener_->start([core = weak_from_this()](asio::ip::tcp::socket socket) {
    if (const auto self = core.lock()) {
      self->accepted(std::move(socket));
    }
  });
  schedule_sweep();
  for (auto& [id, links] : links_) {
    links.control->wake();
    links.bulk->wake();
  }
}

// --- Peers ---------------------------------------------------------------------------------------

void TransportCore::set_self(Hello prototype) {
  const bool first = !self_.has_value();
  self_ = std::move(prototype);
  if (first) {
    for (auto& [id, links] : links_) {
      links.control->wake();
      links.bulk->wake();
    }
  }
}

void TransportCore::retire(Links& links) {
  const bool was_ready = links.control->is_ready() || links.bulk->is_ready();
  links.control->close();
  links.bulk->close();
  if (was_ready) {
    later([this, id = links.control->peer().id] {
      // Only a peer that is dialed anew is still of interest.
      if (events_ != nullptr && links_.contains(id)) {
        events_->on_unreachable(id);
      }
    });
  }
}

void TransportCore::set_peers(std::vector<Peer> peers) {
  if (closed_) {
    return;
  }
  std::map<raft::MemberId, Links> before = std::move(links_);
  links_.clear();
  for (Peer& peer : peers) {
    if ((self_ && peer.id == self_->from) || links_.contains(peer.id)) {
      continue;
    }
    const auto known = before.find(peer.id);
    if (known != before.end() && known->second.control->peer() == peer) {
      links_.insert(before.extract(known));
      continue;
    }
    Links links;
    links.control = std::make_shared<PeerLink>(shared_from_this(), peer, Lane::kControl);
    links.bulk = std::make_shared<PeerLink>(shared_from_this(), peer, Lane::kBulk);
    links.control->wake();
    links_.emplace(peer.id, std::move(links));
  }
  for (auto& [id, links] : before) {
    retire(links);
  }
  // Whoever is no peer any more dials again, and is judged anew: so a removed member learns it.
  std::erase_if(sessions_, [this](const std::shared_ptr<Session>& session) {
    const auto& member = session->member();
    const bool stranger = member && !links_.contains(member->id);
    if (stranger) {
      session->close();
    }
    return stranger;
  });
}

PeerLink* TransportCore::control_link(raft::MemberId to) {
  const auto found = links_.find(to);
  return found == links_.end() ? nullptr : found->second.control.get();
}

void TransportCore::send(const raft::Envelope& envelope) {
  const auto found = links_.find(envelope.to);
  if (found == links_.end()) {
    count_drop();
    return;
  }
  const bool bulk = std::holds_alternative<raft::SnapshotRequest>(envelope.message);
  PeerLink& link = bulk ? *found->second.bulk : *found->second.control;
  link.send(envelope.message, is_small(envelope.message));
}

void TransportCore::send(raft::MemberId to, const MemberStatus& status) {
  if (PeerLink* link = control_link(to)) {
    link->send(status, true);
  } else {
    count_drop();
  }
}

void TransportCore::call(raft::MemberId to, Call call, raft::Micros timeout,
                         std::function<void(CallResult)> done) {
  if (PeerLink* link = control_link(to)) {
    // No caller waits a day; a sum beyond the clock's range would be in the past.
    const Clock::duration bounded = std::min<Clock::duration>(
        to_duration(std::min<raft::Micros>(timeout, 86'400'000'000)), std::chrono::hours(24));
    return link->call(std::move(call), Clock::now() + bounded, std::move(done));
  }
  later([done = std::move(done)] { done(CallFailure::kNotSent); });
}

// --- Accepted connections ------------------------------------------------------------------------

void TransportCore::accepted(asio::ip::tcp::socket socket) {
  if (closed_) {
    return;  // the socket closes itself
  }
  close_oldest_stranger();
  const auto session = std::make_shared<Session>(shared_from_this(), std::move(socket));
  sessions_.insert(session);
  session->start();
}

void TransportCore::close_oldest_stranger() {
  std::size_t strangers = 0;
  std::shared_ptr<Session> oldest;
  for (const std::shared_ptr<Session>& session : sessions_) {
    if (!session->is_welcome()) {
      ++strangers;
      if (!oldest || session->accepted_at() < oldest->accepted_at()) {
        oldest = session;
      }
    }
  }
  if (strangers >= kStrangersMax) {
    oldest->make_room();
  }
}

bool TransportCore::has_room_for(const Hello& hello) const {
  const auto others = std::count_if(
      sessions_.begin(), sessions_.end(), [&hello](const std::shared_ptr<Session>& session) {
        const auto& member = session->member();
        const bool replaced = member && member->id == hello.from && member->lane == hello.lane;
        return session->is_welcome() && !replaced;
      });
  return static_cast<std::size_t>(others) < options_.max_connections;
}

bool TransportCore::has_room_for_client() const {
  const std::size_t reserve = std::min(kMemberReserve, options_.max_connections / 2);
  const auto clients =
      std::count_if(sessions_.begin(), sessions_.end(),
                    [](const std::shared_ptr<Session>& session) { return session->is_client(); });
  return static_cast<std::size_t>(clients) < options_.max_connections - reserve;
}

void TransportCore::welcomed(const std::shared_ptr<Session>& session) {
  const auto& member = session->member();
  for (auto each = sessions_.begin(); each != sessions_.end();) {
    const auto& other = (*each)->member();
    if (*each != session && other && other->id == member->id && other->lane == member->lane) {
      (*each)->close();
      each = sessions_.erase(each);
    } else {
      ++each;
    }
  }
  if (const auto links = links_.find(member->id); links != links_.end()) {
    links->second.control->nudge();
    links->second.bulk->nudge();
  }
}

void TransportCore::ended(const std::shared_ptr<Session>& session) { sessions_.erase(session); }

// --- Time, and what must wait --------------------------------------------------------------------

Clock::duration TransportCore::sweep_interval() const {
  return std::clamp<Clock::duration>(election_timeout() / 32, std::chrono::milliseconds(1),
                                     std::chrono::milliseconds(20));
}

void TransportCore::schedule_sweep() {
  sweep_timer_.expires_after(sweep_interval());
  sweep_timer_.async_wait([self = shared_from_this()](const asio::error_code&) {
    if (!self->closed_) {
      self->sweep();
      self->schedule_sweep();
    }
  });
}

/// One timer for everything. Works on copies: what is called may change both lists, or close all.
void TransportCore::sweep() {
  const Clock::time_point now = Clock::now();
  std::vector<std::shared_ptr<PeerLink>> links;
  for (const auto& [id, each] : links_) {
    links.push_back(each.control);
    links.push_back(each.bulk);
  }
  for (const auto& link : links) {
    link->sweep(now);
  }
  const std::vector<std::shared_ptr<Session>> sessions(sessions_.begin(), sessions_.end());
  for (const auto& session : sessions) {
    session->sweep(now);
  }
}

void TransportCore::later(std::function<void()> event) {
  later_.push_back(std::move(event));
  if (!later_posted_) {
    later_posted_ = true;
    asio::post(loop_, [self = shared_from_this()] {
      self->later_posted_ = false;
      self->run_later();
    });
  }
}

/// What is added meanwhile waits for its own turn: a caller that tries again at once does not hold
/// up the loop. One at a time, since an event may call close(), which runs the others.
void TransportCore::run_later() {
  for (std::size_t count = later_.size(); count > 0 && !later_.empty(); --count) {
    const std::function<void()> event = std::move(later_.front());
    later_.pop_front();
    event();
  }
}

void TransportCore::resolve(const Address& address, std::function<void(Result<Endpoints>)> done) {
  options_.resolve(address, [mailbox = mailbox_, done = std::move(done)](Result<Endpoints> found) {
    const std::lock_guard lock(mailbox->mutex);
    if (mailbox->loop != nullptr) {
      asio::post(*mailbox->loop, [done, found = std::move(found)] { done(found); });
    }
  });
}

void TransportCore::close() {
  if (closed_) {
    return;
  }
  closed_ = true;
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->loop = nullptr;
  }
  events_ = nullptr;
  listener_->stop();
  sweep_timer_.cancel();
  for (const auto& session : std::exchange(sessions_, {})) {
    session->close();
  }
  for (auto& [id, links] : std::exchange(links_, {})) {
    retire(links);
  }
  run_later();
}

TransportCounters TransportCore::counters() const {
  TransportCounters counters = counters_;
  counters.accept_failures = listener_->failures();
  counters.accepted_connections = sessions_.size();
  for (const auto& [id, links] : links_) {
    for (const auto& link : {links.control, links.bulk}) {
      counters.dialed_connections += link->is_ready() ? 1U : 0U;
      counters.queued_bytes += link->queued_bytes();
    }
  }
  return counters;
}

}  // namespace ticketd::net
