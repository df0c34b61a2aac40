// The generator's connections, one at a time.
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "load/generator.h"

namespace ticketd::load {
namespace {

/// After a failure, before the next try.
constexpr Nanos kRetry = 10 * kMillisecond;

constexpr std::uint32_t kReads = EPOLLIN, kReadsAndWrites = EPOLLIN | EPOLLOUT;

}  // namespace

// --- Connecting ----------------------------------------------------------------------------------

void Generator::connect_clients(Nanos at) {
  if (phase_ == Phase::kEnding && !schedule_) {
    return;
  }
  if (!found_) {
    for (Client& client : clients_) {
      const bool open = client.state == ClientState::kOpen && client.node == nodes_.current();
      if (open && client.connection.waiting() == 0) {
        fill(client, at);  // on schedule it would be asked anyway
      }
      if (open || client.state == ClientState::kConnecting) {
        return;  // it searches for all
      }
    }
  }
  for (Client& client : clients_) {
    if (client.state == ClientState::kClosed && client.retry_at <= at) {
      connect(client, at);
      if (!found_) {
        return;
      }
    }
  }
}

void Generator::connect(Client& client, Nanos at) {
  client.node = nodes_.current();
  if (!client.connection.open(nodes_.at(client.node))) {
    note_no_connection(client, errno);
    client.retry_at = at + kRetry;
    nodes_.failed(client.node);
    return;
  }
  --closed_;
  client.state = ClientState::kConnecting;
  client.heard_at = at;
  client.interest = EPOLLOUT;
  epoll_event event{};
  event.events = client.interest;
  event.data.u64 = static_cast<std::uint64_t>(&client - clients_.data());
  ENSURE(::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.connection.descriptor(), &event) == 0);
}

void Generator::on_connected(Client& client, Nanos at) {
  client.state = ClientState::kOpen;
  watch_for(client, kReads);
  tally_.add_connect();
  if (!client.was_open) {
    client.was_open = true;
    --never_open_;
  }
  if (!probe_.empty()) {
    client.probing = true;
    client.heard_at = at;
    client.connection.unsent() += probe_;
    client.connection.expect_reply(at);
    flush(client, at);
  } else {
    fill(client, at);
  }
}

void Generator::note_no_connection(const Client& client, int fault) {
  tally_.note_failure("cannot connect to " + nodes_.at(client.node).name + ": " +
                      std::strerror(fault));
}

/// Counts what waits as `outcome`, and looks for another node.
void Generator::lose(Client& client, Outcome outcome, Nanos at) {
  drop(client, outcome, at);
  client.retry_at = at + kRetry;
  if (client.node == nodes_.current()) {
    found_ = false;
    nodes_.failed(client.node);
  }
}

void Generator::drop(Client& client, Outcome outcome, Nanos at) {
  if (client.state == ClientState::kClosed) {
    return;
  }
  while (client.connection.waiting() != 0) {
    const Nanos due = client.connection.take_due();
    if (!client.probing) {
      tally_.add(outcome, due, at);
    }
    client.probing = false;
  }
  client.connection.close();
  client.state = ClientState::kClosed;
  ++closed_;
}

/// Of a connection that nothing more is asked on, and all answers have come.
void Generator::close_drained(Client& client, Nanos at) {
  drop(client, Outcome::kBroken, at);
  if (client.node == nodes_.current()) {
    client.retry_at = at + kRetry;
  }
}

// --- Sending -------------------------------------------------------------------------------------

/// How many requests the client may send now.
std::uint64_t Generator::allowed(const Client& client) const {
  if (client.state != ClientState::kOpen || client.probing) {
    return 0;
  }
  const std::uint64_t waiting = client.connection.waiting();
  if (!found_) {
    return waiting == 0 ? 1 : 0;
  }
  return options_.pipeline - waiting;
}

/// In a closed loop: whatever may be sent.
void Generator::fill(Client& client, Nanos at) {
  std::uint64_t count = 0;
  if (phase_ == Phase::kFinding) {
    count = found_ ? 0 : allowed(client);
  } else if (!schedule_ && phase_ != Phase::kEnding) {
    count = allowed(client);
    if (phase_ == Phase::kMeasuring && options_.requests != 0) {
      count = std::min(count, options_.requests - std::min(asked_, options_.requests));
    }
  }
  if (count == 0) {
    return;
  }
  for (; count > 0; --count) {
    ask(client, at, at);
  }
  flush(client, at);
}

void Generator::ask(Client& client, Nanos due, Nanos at) {
  if (client.connection.waiting() == 0) {
    client.heard_at = at;
  }
  if (phase_ != Phase::kFinding && due >= warm_at_) {
    ++asked_;
  }
  writer_.append_to(client.connection.unsent());
  client.connection.expect_reply(due);
}

void Generator::flush(Client& client, Nanos at) {
  if (!client.connection.send()) {
    tally_.note_failure("the connection to " + nodes_.at(client.node).name + " broke");
    lose(client, Outcome::kBroken, at);
    return;
  }
  watch_for(client, client.connection.unsent().empty() ? kReads : kReadsAndWrites);
}

void Generator::watch_for(Client& client, std::uint32_t interest) {
  if (client.interest == interest) {
    return;
  }
  client.interest = interest;
  epoll_event event{};
  event.events = interest;
  event.data.u64 = static_cast<std::uint64_t>(&client - clients_.data());
  ENSURE(::epoll_ctl(epoll_, EPOLL_CTL_MOD, client.connection.descriptor(), &event) == 0);
}

// --- Replies -------------------------------------------------------------------------------------

void Generator::on_event(Client& client, std::uint32_t events) {
  if (client.state == ClientState::kConnecting) {
    const int fault = client.connection.connect_fault();
    if (fault == 0) {
      on_connected(client, now());
    } else {
      note_no_connection(client, fault);
      lose(client, Outcome::kBroken, now());
    }
    return;
  }
  if ((events & EPOLLOUT) != 0 && client.state != ClientState::kClosed) {
    flush(client, now());
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && client.state != ClientState::kClosed) {
    on_bytes(client);
  }
}

void Generator::on_bytes(Client& client) {
  std::string_view bytes;
  const bool alive = client.connection.receive(room_, bytes);
  const Nanos at = now();
  if (!alive) {
    tally_.note_failure("the connection to " + nodes_.at(client.node).name + " broke");
    lose(client, Outcome::kBroken, at);
    return;
  }
  client.heard_at = at;
  if (!take_replies(client, bytes, at)) {
    return;
  }
  if (!bytes.empty()) {
    client.connection.keep(bytes);
  }
  if (client.state == ClientState::kOpen) {
    fill(client, at);
  } else if (client.connection.waiting() == 0) {
    close_drained(client, at);
  }
}

/// Takes whole replies from the front of `bytes`. False: the connection is closed.
bool Generator::take_replies(Client& client, std::string_view& bytes, Nanos at) {
  while (!bytes.empty() && !fault_) {
    Reply reply;
    const Parsed parsed = parse_reply(options_.work, bytes, reply);
    if (parsed == Parsed::kNeedMore) {
      return true;
    }
    if (parsed == Parsed::kMalformed || client.connection.waiting() == 0) {
      tally_.note_failure(bytes);
      lose(client, Outcome::kUnexpected, at);
      return false;
    }
    bytes.remove_prefix(reply.bytes);
    take_reply(client, reply, at);
    if (reply.close) {
      drop(client, Outcome::kBroken, at);
      return false;
    }
  }
  return true;
}

void Generator::take_reply(Client& client, const Reply& reply, Nanos at) {
  const Nanos due = client.connection.take_due();
  if (client.probing) {
    take_probe_reply(client, reply, at);
    return;
  }
  tally_.add(reply.outcome, due, at);
  if (reply.outcome == Outcome::kDone) {
    check_growth(client, reply);
    found(client);
    return;
  }
  if (reply.outcome != Outcome::kMoved) {
    tally_.note_failure(reply.text);
  }
  const bool from_leader =
      found_ && reply.outcome != Outcome::kMoved && reply.outcome != Outcome::kNoLeader;
  if (!from_leader) {
    search_elsewhere(client, reply, at);
  }
}

/// The leader answers that it does nothing, which is all that is wanted of it.
void Generator::take_probe_reply(Client& client, const Reply& reply, Nanos at) {
  client.probing = false;
  if (reply.outcome == Outcome::kDone || reply.outcome == Outcome::kRefused) {
    found(client);
    return;
  }
  if (reply.outcome != Outcome::kMoved) {
    tally_.note_failure(reply.text);
  }
  search_elsewhere(client, reply, at);
}

void Generator::found(Client& client) {
  if (!found_ && client.state == ClientState::kOpen) {
    found_ = true;
    nodes_.answered(client.node);
  }
}

/// Nothing more is asked on this connection; once its answers are in, it goes where the reply says,
/// or else to the next node.
void Generator::search_elsewhere(Client& client, const Reply& reply, Nanos at) {
  client.state = ClientState::kDraining;
  const std::size_t before = nodes_.current();
  if (reply.outcome == Outcome::kMoved && nodes_.leads(reply.leader)) {
    found_ = found_ && nodes_.current() == before;
    return;
  }
  client.retry_at = at + kRetry;
  if (client.node == before) {
    found_ = false;
    nodes_.failed(client.node);
  }
}

/// A request is sent after the ones before it on the connection, so its tickets are larger.
void Generator::check_growth(Client& client, const Reply& reply) {
  if (!options_.work.takes_tickets() || options_.work.keys != 1) {
    return;
  }
  if (client.ticket && reply.first <= *client.ticket) {
    fault_ = Error{"tickets do not grow: on one connection " + std::to_string(reply.first) +
                   " came after " + std::to_string(*client.ticket)};
  }
  client.ticket = reply.last;
}

}  // namespace ticketd::load
