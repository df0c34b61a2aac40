#include "sim/network.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

namespace {

/// Between a client and a node.
constexpr Micros kClientDelay = 200;

}  // namespace

Network::Network(Simulation& simulation)
    : simulation_(simulation),
      random_(simulation.network_random),
      paths_(kProcessesMax * kProcessesMax) {}

Network::Path& Network::path(std::uint32_t from, std::uint32_t to) {
  return paths_[from * kProcessesMax + to];
}

// --- Connections ----------------------------------------------------------------------------------

std::optional<SessionId> Network::dial(Process& dialer, const std::string& address,
                                       raft::MemberId to) {
  for (const auto& process : simulation_.processes()) {
    if (!process->up() || process->address() != address || process.get() == &dialer) continue;
    auto session = std::make_unique<Session>();
    session->dialer = dialer.index();
    session->dialer_life = dialer.life();
    session->listener = process->index();
    session->listener_life = process->life();
    session->to = to;
    return add(std::move(session));
  }
  return std::nullopt;
}

SessionId Network::add(std::unique_ptr<Session> session) {
  const auto id = static_cast<SessionId>(sessions_.size());
  sessions_.push_back(std::move(session));
  open_.push_back(id);
  return id;
}

void Network::forget_closed() {
  std::erase_if(open_, [this](SessionId id) { return !sessions_[id]->open; });
}

void Network::close(SessionId id) {
  Session& session = *sessions_[id];
  if (!session.open) return;
  session.end();
  if (session.dialer == kNobody) {
    simulation_.events.after(kClientDelay, [reply = std::exchange(session.reply, nullptr)] {
      if (reply) reply(std::nullopt);
    });
    return;
  }
  simulation_.events.push_action(
      simulation_.events.now() + draw_delay(session.listener), session.dialer,
      session.dialer_life, [this, id] {
        Process& dialer = simulation_.process(sessions_[id]->dialer);
        dialer.on_loop([&dialer, id] { dialer.transport().broke(id); });
      });
}

void Network::process_died(const Process& process) {
  forget_closed();
  for (const SessionId id : open_) {
    const Session& session = *sessions_[id];
    const bool dials = session.dialer == process.index() && session.dialer_life == process.life();
    const bool listens =
        session.listener == process.index() && session.listener_life == process.life();
    if (!dials && !listens) continue;
    const bool somebody_hears =
        dials ? is_alive(session.listener, session.listener_life)
              : session.dialer != kNobody && is_alive(session.dialer, session.dialer_life);
    const unsigned permille = simulation_.knobs.drain_permille;
    if (somebody_hears && permille > 0 && random_.chance(permille, 1'000)) {
      drain(id, dials);
    } else {
      close(id);
    }
  }
}

bool Network::is_alive(std::uint32_t index, std::uint32_t life) const {
  const Process& process = simulation_.process(index);
  return process.up() && process.life() == life;
}

/// The end comes after all that was sent before it, also where the network reorders.
void Network::drain(SessionId id, bool dialer_died) {
  Session& session = *sessions_[id];
  ++simulation_.statistics.drained;
  session.drains = true;
  const std::uint32_t from = dialer_died ? session.dialer : session.listener;
  const std::uint32_t to = dialer_died ? session.listener : session.dialer;
  const Micros sent = dialer_died ? session.dialer_until : session.listener_until;
  const Micros arrives = simulation_.events.now() + draw_delay(from);
  simulation_.events.push_action(
      std::max({arrives, sent, path(from, to).clogged_until}), to,
      dialer_died ? session.listener_life : session.dialer_life, [this, id, to, dialer_died] {
        Process& survivor = simulation_.process(to);
        survivor.on_loop([this, id, &survivor, dialer_died] {
          if (!sessions_[id]->open) return;
          sessions_[id]->end();
          if (!dialer_died) survivor.transport().broke(id);
        });
      });
}

void Network::close_sessions_to(const Process& listener,
                                const std::function<bool(raft::MemberId)>& unwanted) {
  forget_closed();
  for (const SessionId id : open_) {
    const Session& session = *sessions_[id];
    if (session.listener == listener.index() && session.dialer != kNobody &&
        session.from != raft::MemberId() && unwanted(session.from)) {
      close(id);
    }
  }
}

// --- On the way -----------------------------------------------------------------------------------

std::uint32_t Network::take_slot(SessionId id, Lane lane) {
  std::uint32_t slot = static_cast<std::uint32_t>(flights_.size());
  if (free_.empty()) {
    flights_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Flight& flight = flights_[slot];
  flight.session = id;
  flight.lane = lane;
  flight.bytes.clear();
  return slot;
}

void Network::send_encoded(SessionId id, Lane lane, std::string_view frame, bool may_vanish) {
  const std::uint32_t slot = take_slot(id, lane);
  flights_[slot].bytes = frame;
  dispatch(slot, may_vanish);
}

std::uint32_t Network::copy(std::uint32_t slot) {
  const std::uint32_t second = take_slot(flights_[slot].session, flights_[slot].lane);
  flights_[second].bytes = flights_[slot].bytes;
  return second;
}

void Network::struck(Fault fault, std::uint32_t sender) {
  simulation_.struck(fault, simulation_.process(sender));
}

Micros Network::draw_delay(std::uint32_t from) {
  const Knobs& knobs = simulation_.knobs;
  if (knobs.delay_min == knobs.delay_max) return knobs.delay_min;
  if (!calm_ && knobs.long_delay_permille > 0 && random_.chance(knobs.long_delay_permille, 1'000)) {
    ++simulation_.statistics.delayed;
    struck(Fault::kDelay, from);
    return log_uniform(random_, 10'000, 3'000'000);
  }
  return random_.between(knobs.delay_min, knobs.delay_max);
}

void Network::dispatch(std::uint32_t slot, bool may_vanish) {
  const Session& session = *sessions_[flights_[slot].session];
  if (session.dialer == kNobody) return launch(slot, kClientDelay);
  const Knobs& knobs = simulation_.knobs;
  const bool back = flights_[slot].lane == Lane::kAnswers;
  const std::uint32_t from = back ? session.listener : session.dialer;
  const std::uint32_t to = back ? session.dialer : session.listener;
  const bool cut = is_cut(from, to);
  const bool taken = simulation_.witness != nullptr &&
                     simulation_.witness->takes(slot, from, to, flights_[slot].lane,
                                                flights_[slot].bytes, cut);
  if (cut) {
    ++simulation_.statistics.cut_off;
    return drop(slot);
  }
  if (taken) return;
  if (!calm_) {
    if (knobs.loss_permille > 0 && random_.chance(knobs.loss_permille, 1'000)) {
      ++simulation_.statistics.lost;
      struck(Fault::kLoss, from);
      return drop(slot);
    }
    if (knobs.break_permille > 0 && random_.chance(knobs.break_permille, 1'000)) {
      ++simulation_.statistics.broken;
      struck(Fault::kBreaks, from);
      close(flights_[slot].session);
      return drop(slot);
    }
    if (knobs.damage_permille > 0 && random_.chance(knobs.damage_permille, 1'000)) {
      ++simulation_.statistics.damaged;
      struck(Fault::kDamage, from);
      damage(flights_[slot].bytes);
    }
    while (may_vanish && knobs.duplicate_permille > 0 &&
           random_.chance(knobs.duplicate_permille, 1'000)) {
      ++simulation_.statistics.duplicated;
      struck(Fault::kDuplicates, from);
      launch(copy(slot), draw_delay(from) + log_uniform(random_, 1, 1'000'000), true);
    }
  }
  launch(slot, draw_delay(from));
}

void Network::release(std::uint32_t slot) {
  const Session& session = *sessions_[flights_[slot].session];
  const bool back = flights_[slot].lane == Lane::kAnswers;
  launch(slot, draw_delay(back ? session.listener : session.dialer));
}

void Network::damage(std::string& bytes) {
  const std::uint64_t bit = random_.below(bytes.size() * 8);
  char& byte = bytes[bit / 8];
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << (bit % 8)));
}

void Network::launch(std::uint32_t slot, Micros delay, bool repeated) {
  const Flight& flight = flights_[slot];
  Session& session = *sessions_[flight.session];
  const bool back = flight.lane == Lane::kAnswers;
  const std::uint32_t from = back ? session.listener : session.dialer;
  const std::uint32_t to = back ? session.dialer : session.listener;
  Micros at = simulation_.events.now() + delay;
  if (from != kNobody && to != kNobody) at = std::max(at, path(from, to).clogged_until);
  if (simulation_.knobs.ordered || calm_) {
    Micros& last = back                             ? session.last_answer
                   : flight.lane == Lane::kControl ? session.last_control
                                                   : session.last_bulk;
    // A repetition is not a part of the lane's order.
    if (delay <= simulation_.knobs.delay_max) last = at = std::max(at, last);
  }
  Micros& until = back ? session.listener_until : session.dialer_until;
  if (!repeated) until = std::max(until, at);
  simulation_.events.push({.at = at,
                           .process = to,
                           .life = back ? session.dialer_life : session.listener_life,
                           .slot = slot,
                           .kind = EventKind::kFrame});
}

void Network::arrive(std::uint32_t slot) {
  Flight& flight = flights_[slot];
  const SessionId id = flight.session;
  const Lane lane = flight.lane;
  Session& session = *sessions_[id];
  if (!session.open) return drop(slot);
  simulation_.statistics.after_death += session.drains;
  simulation_.trace(ByteReader(std::string_view(flight.bytes).substr(net::kChecksumOffset)).u64());
  net::FrameDecoder& decoder = lane == Lane::kAnswers   ? session.answers
                               : lane == Lane::kControl ? session.control
                                                        : session.bulk;
  decoder.feed(flight.bytes);
  drop(slot);
  auto frame = decoder.next();
  if (!frame) {  // damaged, or out of place: the connection ends
    require(simulation_.knobs.damage_permille > 0, "a frame that was not damaged is refused: ",
            frame.error().message);
    ++simulation_.statistics.damage_found;
    return close(id);
  }
  require(frame->has_value(), "a whole frame is taken for a part of one");
  if (lane == Lane::kAnswers) {
    heard_at_dialer(id, session, std::move(**frame));
  } else {
    heard_at_listener(id, session, std::move(**frame));
  }
}

// --- Heard ----------------------------------------------------------------------------------------

void Network::heard_at_listener(SessionId id, Session& session, net::Frame&& frame) {
  Process& listener = simulation_.process(session.listener);
  if (auto* message = std::get_if<raft::Message>(&frame)) {
    listener.transport().events().on_message({session.from, session.to, std::move(*message)});
  } else if (const auto* status = std::get_if<net::MemberStatus>(&frame)) {
    listener.transport().events().on_status(session.from, *status);
  } else if (auto* call = std::get_if<net::Request>(&frame)) {
    request(id, session, std::move(*call));
  } else if (const auto* hello = std::get_if<net::Hello>(&frame)) {
    greet(id, session, *hello);
  } else {
    fail("a frame that the decoder should have refused");
  }
}

void Network::greet(SessionId id, Session& session, const net::Hello& hello) {
  SimulatedTransport& transport = simulation_.process(session.listener).transport();
  const std::optional<net::Refused> refused = transport.events().judge(hello);
  if (refused) {
    send(id, Lane::kAnswers, *refused, false);
    return;
  }
  // A member has one connection to a listener. So when a greeting of its earlier life comes last, it
  // learns that by the end of its own, and greets again.
  close_sessions_to(simulation_.process(session.listener),
                    [&](raft::MemberId member) { return member == hello.from; });
  session.from = hello.from;
  session.control.hear(net::Hearing::kControl);
  const net::Hello& self = transport.self().value();
  send(id, Lane::kAnswers,
       net::Welcome{self.cluster_id, self.from, self.command_version, self.configuration_index},
       false);
}

void Network::request(SessionId id, Session& session, net::Request request) {
  Process& listener = simulation_.process(session.listener);
  session.heard = true;
  listener.transport().events().on_request(
      std::move(request.call), [this, id, number = request.id](net::Reply reply) {
        if (sessions_[id]->open) {
          send(id, Lane::kAnswers, net::Response{number, std::move(reply)}, false);
        }
      });
}

void Network::heard_at_dialer(SessionId id, Session& session, net::Frame&& frame) {
  auto* response = std::get_if<net::Response>(&frame);
  if (session.dialer == kNobody) {
    require(response != nullptr, "a client hears something else than an answer");
    session.end();
    if (auto reply = std::exchange(session.reply, nullptr)) reply(std::move(response->reply));
    return;
  }
  SimulatedTransport& transport = simulation_.process(session.dialer).transport();
  if (response != nullptr) {
    transport.answered(id, std::move(*response));
  } else if (const auto* welcome = std::get_if<net::Welcome>(&frame)) {
    session.answers.hear(net::Hearing::kResponses);
    transport.welcomed(id, *welcome);
  } else if (const auto* refused = std::get_if<net::Refused>(&frame)) {
    session.end();
    transport.refused(id, *refused);
  } else {
    fail("a frame that the decoder should have refused");
  }
}

SessionId Network::client_call(Process& listener, const net::Call& call, Micros patience,
                               std::function<void(std::optional<net::Reply>)> done) {
  auto session = std::make_unique<Session>();
  session->dialer = kNobody;
  session->listener = listener.index();
  session->listener_life = listener.life();
  session->control.hear(net::Hearing::kRequests);
  session->answers.hear(net::Hearing::kResponses);
  session->reply = std::move(done);
  session->open = listener.up();
  const SessionId id = add(std::move(session));
  if (listener.up()) send(id, Lane::kControl, net::Request{1, call}, false);
  simulation_.events.after(listener.up() ? patience : kClientDelay, [this, id] {
    Session& waiting = *sessions_[id];
    if (waiting.open) waiting.end();
    if (auto reply = std::exchange(waiting.reply, nullptr)) reply(std::nullopt);
  });
  return id;
}

// --- Faults ---------------------------------------------------------------------------------------

void Network::cut(std::uint32_t from, std::uint32_t to) {
  cut_paths_ += path(from, to).cuts++ == 0;
}

void Network::clog(std::uint32_t from, std::uint32_t to, Micros until) {
  Micros& clogged = path(from, to).clogged_until;
  clogged = std::max(clogged, until);
}

void Network::mend(std::uint32_t from, std::uint32_t to) {
  require(is_cut(from, to), "a path is mended that was not cut");
  cut_paths_ -= --path(from, to).cuts == 0;
}

void Network::mend_all() {
  for (Path& each : paths_) each = {};
  cut_paths_ = 0;
}

bool Network::is_cut(std::uint32_t from, std::uint32_t to) const {
  return cut_paths_ > 0 && paths_[from * kProcessesMax + to].cuts > 0;
}

}  // namespace ticketd::sim
