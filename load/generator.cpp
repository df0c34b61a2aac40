#include "load/generator.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace ticketd::load {
namespace {

/// Between two looks at what is overdue.
constexpr Nanos kTick = 10 * kMillisecond;
/// So long one client waits for the first answer of a node, before it asks the next.
constexpr Nanos kSearchPatience = kSecond;
constexpr std::size_t kEventsMax = 256;
/// Besides those of connections: standard streams, epoll.
constexpr std::uint64_t kOtherDescriptors = 16;

Status make_room_for_descriptors(std::uint64_t clients) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = clients + kOtherDescriptors;
  if (limit.rlim_cur >= wanted) {
    return {};
  }
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  if (limit.rlim_cur < wanted || ::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return Error{std::to_string(clients) + " clients are more than the limit of open files (" +
                 std::to_string(limit.rlim_max) + ") allows: ulimit -n"};
  }
  return {};
}

}  // namespace

Result<Report> generate(const Options& options, const Watch& watch) {
  ENSURE(options.clients >= 1 && options.clients <= kClientsMax);
  ENSURE(options.pipeline >= 1 && options.pipeline <= kPipelineMax);
  ENSURE(options.time != 0 || options.requests != 0);
  if (Status room = make_room_for_descriptors(options.clients); !room) {
    return room.error();
  }
  Result<Nodes> nodes = Nodes::resolve(options.nodes);
  if (!nodes) {
    return nodes.error();
  }
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    return Error{std::string("cannot wait for sockets: ") + std::strerror(errno)};
  }
  // A request is to leave when it is due, not up to 50 us later.
  ::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  Result<Report> report = Generator(options, watch, *std::move(nodes), epoll).run();
  ::close(epoll);
  return report;
}

Generator::Generator(const Options& options, Watch watch, Nodes nodes, int epoll)
    : options_(options),
      watch_(std::move(watch)),
      nodes_(std::move(nodes)),
      epoll_(epoll),
      writer_(options.work, nodes_.at(0).name),
      probe_(leader_probe(options.work, nodes_.at(0).name)),
      room_(kReplyBytesMax + (1 << 16), 0),
      closed_(options.clients),
      never_open_(options.clients) {
  clients_.reserve(options.clients);
  while (clients_.size() < options.clients) {
    clients_.emplace_back(options.pipeline);
  }
  asked_clients_.reserve(options.clients);
}

Result<Report> Generator::run() {
  begun_at_ = now();
  next_progress_ = begun_at_ + kSecond;
  while (phase_ != Phase::kEnded && !fault_) {
    turn();
  }
  if (fault_) {
    return *fault_;
  }
  return tally_.finish(end_at_);
}

void Generator::turn() {
  const Nanos at = now();
  advance(at);
  if (phase_ == Phase::kEnded || fault_) {
    return;
  }
  if (at >= next_tick_) {
    tick(at);
  }
  if (closed_ > 0) {
    connect_clients(at);
  }
  if (schedule_) {
    send_what_is_due(at);
  }
  wait();
}

// --- Phases --------------------------------------------------------------------------------------

void Generator::advance(Nanos at) {
  const bool stopped = options_.stop != nullptr && options_.stop->load();
  switch (phase_) {
    case Phase::kFinding:
      if (found_ && never_open_ == 0) {
        begin_warm_up(at);
      } else if (stopped || at >= begun_at_ + 2 * options_.patience) {
        fault_ = Error{"no answer from " + nodes_.at(nodes_.current()).name +
                       (tally_.first_failure().empty() ? "" : ": " + tally_.first_failure())};
      }
      break;
    case Phase::kWarmingUp:
      if (at >= warm_at_ || stopped) {
        phase_ = Phase::kMeasuring;
        if (schedule_) {
          // What the warm-up could not send is forgotten: the measurement starts with no debts.
          schedule_.emplace(options_.rate, warm_at_);
        }
      }
      break;
    case Phase::kMeasuring:
      if (stopped || is_measured_enough(at)) {
        phase_ = Phase::kEnding;
        end_at_ = std::min(end_at_, at);
      }
      break;
    case Phase::kEnding:
      if (stopped || is_all_over(at)) {
        end_what_is_left(at);
      }
      break;
    case Phase::kEnded:
      break;
  }
}

void Generator::begin_warm_up(Nanos at) {
  // Without a warm-up the first request counts already.
  phase_ = options_.warm_up == 0 ? Phase::kMeasuring : Phase::kWarmingUp;
  begun_at_ = at;
  next_progress_ = at + kSecond;
  warm_at_ = at + options_.warm_up;
  end_at_ = options_.time == 0 ? ~Nanos{0} : warm_at_ + options_.time;
  tally_.begin(warm_at_);
  if (options_.rate != 0) {
    schedule_.emplace(options_.rate, at);
    return;
  }
  for (Client& client : clients_) {
    fill(client, at);
  }
}

bool Generator::is_measured_enough(Nanos at) const {
  return at >= end_at_ || (options_.requests != 0 && asked_ >= options_.requests);
}

bool Generator::is_all_over(Nanos at) const {
  const bool waits = std::any_of(clients_.begin(), clients_.end(), [](const Client& client) {
    return client.connection.waiting() != 0;
  });
  const bool sends = schedule_ && may_send_on_schedule();
  return (!waits && !sends) || at >= end_at_ + options_.patience;
}

void Generator::end_what_is_left(Nanos at) {
  for (Client& client : clients_) {
    drop(client, Outcome::kTimedOut, at);
  }
  while (schedule_ && may_send_on_schedule()) {
    if (schedule_->take() >= warm_at_) {
      ++asked_;
      tally_.add_unsent();
    }
  }
  phase_ = Phase::kEnded;
}

// --- Time ----------------------------------------------------------------------------------------

void Generator::tick(Nanos at) {
  next_tick_ = at + kTick;
  for (Client& client : clients_) {
    const bool searches = !found_ && client.node == nodes_.current();
    const Nanos patience =
        searches ? std::min(options_.patience, kSearchPatience) : options_.patience;
    const bool waits = client.state == ClientState::kConnecting || client.connection.waiting() != 0;
    if (waits && at > client.heard_at + patience) {
      tally_.note_failure("no answer from " + nodes_.at(client.node).name + " in time");
      lose(client, Outcome::kTimedOut, at);
    }
  }
  if (at >= next_progress_ && watch_) {
    report_progress(at);
  }
}

void Generator::report_progress(Nanos at) {
  next_progress_ += kSecond;
  Progress progress = tally_.take_progress();
  progress.elapsed = at - begun_at_;
  progress.warming_up = phase_ == Phase::kFinding || phase_ == Phase::kWarmingUp;
  watch_(progress);
}

void Generator::wait() {
  Nanos until = next_tick_;
  if (schedule_ && !no_room_ && may_send_on_schedule()) {
    until = std::min(until, schedule_->next());
  }
  const Nanos at = now();
  const Nanos rest = until - std::min(until, at);
  const timespec limit{static_cast<time_t>(rest / kSecond), static_cast<long>(rest % kSecond)};
  std::array<epoll_event, kEventsMax> events;
  const int count = ::epoll_pwait2(epoll_, events.data(), kEventsMax, &limit, nullptr);
  if (count < 0 && errno != EINTR) {
    fault_ = Error{std::string("cannot wait for sockets: ") + std::strerror(errno)};
  }
  for (int i = 0; i < count && !fault_; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    on_event(clients_[event.data.u64], event.events);
  }
}

// --- Open loop -----------------------------------------------------------------------------------

bool Generator::may_send_on_schedule() const {
  return schedule_->next() < end_at_ && (options_.requests == 0 || asked_ < options_.requests);
}

void Generator::send_what_is_due(Nanos at) {
  no_room_ = false;
  while (may_send_on_schedule() && schedule_->next() <= at) {
    Client* client = next_with_room();
    if (client == nullptr) {
      no_room_ = true;  // until something comes
      break;
    }
    if (client->connection.unsent().empty()) {
      asked_clients_.push_back(client);
    }
    ask(*client, schedule_->take(), at);
  }
  for (Client* client : asked_clients_) {
    flush(*client, at);
  }
  asked_clients_.clear();
}

Generator::Client* Generator::next_with_room() {
  for (std::size_t looked = 0; looked < clients_.size(); ++looked) {
    turn_of_ = (turn_of_ + 1) % clients_.size();
    if (allowed(clients_[turn_of_]) > 0) {
      return &clients_[turn_of_];
    }
  }
  return nullptr;
}

}  // namespace ticketd::load
