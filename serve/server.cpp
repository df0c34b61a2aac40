#include "serve/server.h"

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <utility>
#include <vector>

#include "base/check.h"

namespace ticketd::serve {

namespace {

/// One read takes at most this much.
constexpr std::size_t kReadBytes = 64 * 1024;
/// Connections above the limit that are told so at one time; more are closed without a word.
constexpr std::size_t kRefusedAtOnce = 100;
constexpr std::chrono::milliseconds kShortestCheck{5};
constexpr std::chrono::milliseconds kLongestCheck{1000};

std::chrono::milliseconds check_interval(const Limits& limits) {
  const auto shortest =
      std::min({limits.request_time, limits.idle_time, limits.stalled_time, limits.linger_time});
  return std::clamp(shortest / 4, kShortestCheck, kLongestCheck);
}

}  // namespace

class Server::Inside final : public Connection::Owner, public std::enable_shared_from_this<Inside> {
 public:
  Inside(asio::io_context& loop, const Limits& limits, std::shared_ptr<Listener> listener,
         std::shared_ptr<ReadySet> ready_set);

  void turn_away(Make make);
  void start(Make make);
  void stop_accepting() { listener_->stop(); }
  void close(std::function<void()> closed);
  void destroy();
  std::uint16_t port() const { return listener_->port(); }
  std::size_t connections() const { return connections_.size(); }

  const Limits& limits() const override { return limits_; }
  std::span<char> read_buffer() override { return read_buffer_; }
  ReadySet& ready_set() override { return *ready_set_; }
  void resume_later(std::shared_ptr<Connection> connection) override;
  void closed(Connection& connection) override;

 private:
  void open_doors(Make make);
  void on_accept(asio::ip::tcp::socket socket);
  void resume();
  void check_later();
  void check();
  void drain();
  void abandon_all();
  void finish_if_closed();

  asio::io_context& loop_;
  const Limits limits_;
  const std::shared_ptr<Listener> listener_;
  const std::shared_ptr<ReadySet> ready_set_;
  Make make_;
  bool serving_ = false;
  std::array<char, kReadBytes> read_buffer_;

  /// connections_[i]->index == i.
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> to_resume_;
  std::vector<std::shared_ptr<Connection>> resuming_;

  /// Runs while there are connections.
  asio::steady_timer check_timer_;
  bool checking_ = false;

  asio::steady_timer close_timer_;
  bool closing_ = false;
  std::function<void()> on_closed_;
};

Server::Inside::Inside(asio::io_context& loop, const Limits& limits,
                       std::shared_ptr<Listener> listener, std::shared_ptr<ReadySet> ready_set)
    : loop_(loop),
      limits_(limits),
      listener_(std::move(listener)),
      ready_set_(std::move(ready_set)),
      check_timer_(loop),
      close_timer_(loop) {}

void Server::Inside::start(Make make) {
  ENSURE(!serving_);
  serving_ = true;
  if (make_) {  // since turn_away()
    make_ = std::move(make);
  } else {
    open_doors(std::move(make));
  }
}

void Server::Inside::turn_away(Make make) {
  ENSURE(!serving_ && !make_);
  open_doors(std::move(make));
}

void Server::Inside::open_doors(Make make) {
  make_ = std::move(make);
  ready_set_->start();
  // The listener is owned by `this` and stopped in destroy().
  listener_->start([this](asio::ip::tcp::socket socket) { on_accept(std::move(socket)); });
}

void Server::Inside::on_accept(asio::ip::tcp::socket socket) {
  const std::size_t limit = limits_.connections;
  const bool above = connections_.size() >= limit;
  if (above && connections_.size() - limit >= kRefusedAtOnce) {
    return;
  }
  const std::shared_ptr<Connection> connection = make_(std::move(socket), *this);
  connection->index = connections_.size();
  connections_.push_back(connection);
  check_later();
  if (above) {
    connection->refuse(limit);
  } else if (serving_) {
    connection->serve();
  } else {
    connection->turn_away();
  }
}

/// Answers that a service gives one after the other are written after the last of them.
void Server::Inside::resume_later(std::shared_ptr<Connection> connection) {
  to_resume_.push_back(std::move(connection));
  if (to_resume_.size() == 1) {
    asio::post(loop_, [self = shared_from_this()] { self->resume(); });
  }
}

void Server::Inside::resume() {
  resuming_.swap(to_resume_);
  for (const std::shared_ptr<Connection>& connection : resuming_) {
    connection->resume();
  }
  resuming_.clear();
}

void Server::Inside::closed(Connection& connection) {
  const std::size_t index = connection.index;
  ENSURE(connections_.at(index).get() == &connection);
  // Kept to the end of this call, and by whoever called the connection.
  const std::shared_ptr<Connection> gone = std::move(connections_[index]);
  if (index + 1 < connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
  finish_if_closed();
}

void Server::Inside::check_later() {
  if (checking_ || connections_.empty()) {
    return;
  }
  checking_ = true;
  check_timer_.expires_after(check_interval(limits_));
  check_timer_.async_wait([self = shared_from_this()](const asio::error_code& cancelled) {
    self->checking_ = false;
    if (!cancelled) {
      self->check();
      self->check_later();
    }
  });
}

/// One look at every connection, so that no request costs a timer.
void Server::Inside::check() {
  const Connection::Clock::time_point now = Connection::Clock::now();
  // Backwards: a connection that closes is replaced by one that was looked at already.
  for (std::size_t i = connections_.size(); i > 0; --i) {
    const std::shared_ptr<Connection> connection = connections_[i - 1];
    connection->check_time(now);
  }
}

void Server::Inside::close(std::function<void()> closed) {
  ENSURE(!closing_);
  closing_ = true;
  on_closed_ = std::move(closed);
  stop_accepting();
  for (const std::shared_ptr<Connection>& connection : connections_) {
    connection->part();
  }
  if (connections_.empty()) {
    finish_if_closed();
    return;
  }
  close_timer_.expires_after(limits_.parting_time);
  close_timer_.async_wait([self = shared_from_this()](const asio::error_code& cancelled) {
    if (!cancelled) {
      self->drain();
    }
  });
}

void Server::Inside::drain() {
  for (std::size_t i = connections_.size(); i > 0; --i) {
    const std::shared_ptr<Connection> connection = connections_[i - 1];
    connection->drain();
  }
  if (connections_.empty()) {
    return;
  }
  close_timer_.expires_after(limits_.close_time);
  close_timer_.async_wait([self = shared_from_this()](const asio::error_code& cancelled) {
    if (!cancelled) {
      self->abandon_all();
      self->finish_if_closed();
    }
  });
}

void Server::Inside::finish_if_closed() {
  if (!closing_ || !connections_.empty() || !on_closed_) {
    return;
  }
  close_timer_.cancel();
  ready_set_->stop();
  asio::post(loop_, std::exchange(on_closed_, nullptr));
}

void Server::Inside::abandon_all() {
  for (const std::shared_ptr<Connection>& connection : connections_) {
    connection->abandon();
  }
  connections_.clear();
}

void Server::Inside::destroy() {
  on_closed_ = nullptr;
  listener_->stop();
  abandon_all();
  ready_set_->stop();
  check_timer_.cancel();
  close_timer_.cancel();
}

Result<std::unique_ptr<Server>> Server::open(asio::io_context& loop, const Endpoint& endpoint,
                                             const Limits& limits) {
  auto listener = Listener::open(loop, endpoint);
  if (!listener.ok()) {
    return std::move(listener).error();
  }
  auto ready_set = ReadySet::open(loop);
  if (!ready_set.ok()) {
    return std::move(ready_set).error();
  }
  auto inside = std::make_shared<Inside>(loop, limits, std::move(*listener), std::move(*ready_set));
  return std::unique_ptr<Server>(new Server(std::move(inside)));
}

Server::Server(std::shared_ptr<Inside> inside) : inside_(std::move(inside)) {}
Server::~Server() { inside_->destroy(); }
void Server::turn_away(Make make) { inside_->turn_away(std::move(make)); }
void Server::start(Make make) { inside_->start(std::move(make)); }
std::uint16_t Server::port() const { return inside_->port(); }
std::size_t Server::connections() const { return inside_->connections(); }
void Server::stop_accepting() { inside_->stop_accepting(); }
void Server::close(std::function<void()> closed) { inside_->close(std::move(closed)); }

}  // namespace ticketd::serve
