#include "sim/transport.h"

#include <algorithm>
#include <utility>

#include "sim/simulation.h"

namespace ticketd::sim {

namespace {

constexpr Micros kFirstBackoff = 10'000;

}  // namespace

SimulatedTransport::SimulatedTransport(Simulation& simulation, Process& process)
    : simulation_(simulation), process_(process) {}

SimulatedTransport::Link* SimulatedTransport::find(raft::MemberId member) {
  for (Link& link : links_) {
    if (link.peer.id == member) return &link;
  }
  return nullptr;
}

SimulatedTransport::Link* SimulatedTransport::find_session(SessionId session) {
  for (Link& link : links_) {
    const bool has_one = link.state == Link::State::kReady || link.state == Link::State::kGreeting;
    if (has_one && link.session == session) return &link;
  }
  return nullptr;
}

void SimulatedTransport::later(std::function<void()> action) {
  simulation_.events.push_action(
      simulation_.events.now(), process_.index(), process_.life(),
      [&process = process_, action = std::move(action)]() mutable {
        process.on_loop(std::move(action));
      });
}

void SimulatedTransport::fail(std::vector<Pending> pending) {
  for (Pending& each : pending) {
    later([done = std::move(each.done)] { done(net::CallFailure::kNoReply); });
  }
}

// --- Peers ----------------------------------------------------------------------------------------

void SimulatedTransport::set_peers(std::vector<net::Peer> peers) {
  if (closed_) return;
  std::vector<Link> before = std::exchange(links_, {});
  for (net::Peer& peer : peers) {
    const auto known = std::find_if(before.begin(), before.end(),
                                    [&](const Link& link) { return link.peer == peer; });
    if (known == before.end()) {
      Link& fresh = links_.emplace_back();
      fresh.peer = std::move(peer);
      fresh.until = simulation_.events.now();
      fresh.state = Link::State::kWaiting;
      watch(fresh);
    } else {
      links_.push_back(std::move(*known));
      before.erase(known);
    }
  }
  for (Link& gone : before) {
    if (gone.state == Link::State::kReady || gone.state == Link::State::kGreeting) {
      simulation_.network.session(gone.session).end();
    }
    fail(std::move(gone.pending));
    if (find(gone.peer.id) != nullptr && gone.state == Link::State::kReady) {
      later([this, peer = gone.peer.id] { events_->on_unreachable(peer); });
    }
  }
  // Whoever is no peer any more dials again, and is judged anew: so a removed member learns it.
  simulation_.network.close_sessions_to(
      process_, [this](raft::MemberId member) { return find(member) == nullptr; });
}

Micros SimulatedTransport::dial_patience() const {
  return simulation_.knobs.dial_patience.value_or(simulation_.knobs.raft.election_timeout_max);
}

void SimulatedTransport::dial(Link& link) {
  const auto session = simulation_.network.dial(process_, link.peer.address, link.peer.id);
  if (!session) return attempt_failed(link);
  link.state = Link::State::kGreeting;
  link.session = *session;
  link.until = simulation_.events.now() + dial_patience();
  watch(link);
  net::Hello hello = *self_;
  hello.to = link.peer.id;
  simulation_.network.send(*session, Lane::kControl, hello, false);
}

/// At that moment the attempt has failed, or the next one begins: also with nothing to be said,
/// since the answer to a greeting may be that we were removed.
void SimulatedTransport::watch(const Link& link) {
  simulation_.events.push_action(
      link.until, process_.index(), process_.life(),
      [this, peer = link.peer, until = link.until] {
        process_.on_loop([this, peer, until] {
          Link* watched = find(peer.id);
          if (watched == nullptr || watched->peer != peer || watched->until != until || closed_) {
            return;
          }
          if (watched->state == Link::State::kGreeting) {
            attempt_failed(*watched);
          } else if (watched->state == Link::State::kWaiting) {
            dial(*watched);
          }
        });
      });
}

void SimulatedTransport::attempt_failed(Link& link) {
  const Micros longest = dial_patience() / 2;
  link.backlog.clear();
  link.backoff = std::min(std::max(2 * link.backoff, kFirstBackoff), longest);
  link.state = Link::State::kWaiting;
  link.until = simulation_.events.now() + link.backoff / 2 +
               simulation_.network_random.below(link.backoff / 2 + 1);
  watch(link);
}

void SimulatedTransport::welcomed(SessionId session, const net::Welcome& welcome) {
  Link* link = find_session(session);
  if (link == nullptr || link->state != Link::State::kGreeting) return;
  if (welcome.cluster_id != self_->cluster_id || welcome.self != link->peer.id) {
    simulation_.network.session(session).end();
    return attempt_failed(*link);
  }
  link->state = Link::State::kReady;
  link->backoff = 0;
  link->stalled_since.reset();
  for (const Waiting& waiting : std::exchange(link->backlog, {})) {
    simulation_.network.send_encoded(session, waiting.lane, waiting.frame, true);
  }
}

void SimulatedTransport::refused(SessionId session, const net::Refused& refused) {
  Link* link = find_session(session);
  if (link == nullptr) return;
  const raft::MemberId peer = link->peer.id;
  attempt_failed(*link);
  events_->on_refused(peer, refused);
}

void SimulatedTransport::broke(SessionId session) {
  Link* link = find_session(session);
  if (link == nullptr || closed_) return;
  const bool was_ready = link->state == Link::State::kReady;
  const raft::MemberId peer = link->peer.id;
  simulation_.network.session(session).end();
  attempt_failed(*link);
  fail(std::exchange(link->pending, {}));
  if (was_ready) events_->on_unreachable(peer);
}

// --- Messages -------------------------------------------------------------------------------------

void SimulatedTransport::send(const raft::Envelope& envelope) {
  simulation_.oracle.sent(process_.index(), envelope);
  const bool bulk = std::holds_alternative<raft::SnapshotRequest>(envelope.message);
  send(envelope.to, bulk ? Lane::kBulk : Lane::kControl, envelope.message);
}

void SimulatedTransport::send(raft::MemberId to, const net::MemberStatus& status) {
  simulation_.oracle.state_is(process_.index(), status.applied_index, status.digest);
  send(to, Lane::kControl, status);
}

template <class Message>
void SimulatedTransport::send(raft::MemberId to, Lane lane, const Message& message) {
  Link* link = find(to);
  if (link == nullptr || closed_) return;
  if (link->state == Link::State::kReady && !is_stalled(*link)) {
    return simulation_.network.send(link->session, lane, message, true);
  }
  if (link->state != Link::State::kReady && link->backlog.size() < kBacklogMax) {
    net::encode(message, link->backlog.emplace_back(Waiting{lane, {}}).frame);
  }
}

/// TCP notices when nothing is acknowledged for as long as an election takes.
bool SimulatedTransport::is_stalled(Link& link) {
  if (!simulation_.network.any_cut()) {
    link.stalled_since.reset();
    return false;
  }
  const Session& session = simulation_.network.session(link.session);
  const bool cut = simulation_.network.is_cut(session.dialer, session.listener) ||
                   simulation_.network.is_cut(session.listener, session.dialer);
  const Micros now = simulation_.events.now();
  if (!cut) {
    link.stalled_since.reset();
  } else if (!link.stalled_since) {
    link.stalled_since = now;
  } else if (now - *link.stalled_since >= simulation_.knobs.raft.election_timeout_max) {
    const SessionId id = link.session;
    later([this, id] { broke(id); });
  }
  return false;
}

// --- Calls ----------------------------------------------------------------------------------------

void SimulatedTransport::call(raft::MemberId to, net::Call call, raft::Micros timeout,
                              std::function<void(net::CallResult)> done) {
  Link* link = find(to);
  if (link == nullptr || closed_ || link->state != Link::State::kReady) {
    return later([done = std::move(done)] { done(net::CallFailure::kNotSent); });
  }
  simulation_.statistics.forwarded += !std::holds_alternative<net::StatusCall>(call);
  const std::uint64_t id = ++last_call_;
  link->pending.push_back({id, std::move(done)});
  simulation_.network.send(link->session, Lane::kControl, net::Request{id, std::move(call)},
                           false);
  simulation_.events.push_action(
      process_.moment_after(timeout), process_.index(), process_.life(), [this, to, id] {
        process_.on_loop([this, to, id] {
          Link* late = find(to);
          if (late == nullptr) return;
          const auto pending = std::find_if(late->pending.begin(), late->pending.end(),
                                            [id](const Pending& each) { return each.id == id; });
          if (pending == late->pending.end()) return;
          const auto expired = std::move(pending->done);
          late->pending.erase(pending);
          expired(net::CallFailure::kNoReply);
        });
      });
}

void SimulatedTransport::answered(SessionId session, net::Response response) {
  Link* link = find_session(session);
  if (link == nullptr) return;
  const auto pending =
      std::find_if(link->pending.begin(), link->pending.end(),
                   [&](const Pending& each) { return each.id == response.id; });
  if (pending == link->pending.end()) return;  // its time had run out
  const auto done = std::move(pending->done);
  link->pending.erase(pending);
  done(std::move(response.reply));
}

void SimulatedTransport::close() {
  closed_ = true;
  for (Link& link : links_) {
    for (Pending& pending : std::exchange(link.pending, {})) {
      pending.done(net::CallFailure::kNoReply);
    }
  }
}

}  // namespace ticketd::sim
