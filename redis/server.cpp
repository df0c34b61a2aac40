#include "redis/server.h"

#include <chrono>
#include <utility>

#include "base/check.h"
#include "redis/connection.h"
#include "serve/server.h"

namespace ticketd::redis {

class Server::Inside final : public Connection::Owner {
 public:
  Inside(Options options, std::unique_ptr<serve::Server> server)
      : options_(std::move(options)), server_(std::move(server)) {}

  void turn_away() { server_->turn_away(maker()); }
  void start(ticket::Service& service, Operations& operations);
  serve::Server& server() { return *server_; }

  ticket::Service& service() override { return *service_; }
  Surroundings surroundings() override;
  const Options& options() const override { return options_; }
  std::uint64_t count_connection() override { return ++counters_.connections; }
  void count_commands(std::size_t number) override { counters_.commands += number; }

 private:
  serve::Server::Make maker();

  const Options options_;
  const std::chrono::steady_clock::time_point opened_ = std::chrono::steady_clock::now();
  ticket::Service* service_ = nullptr;
  Operations* operations_ = nullptr;
  Counters counters_;
  /// Goes first: its connections know the rest.
  std::unique_ptr<serve::Server> server_;
};

void Server::Inside::start(ticket::Service& service, Operations& operations) {
  ENSURE(service_ == nullptr);
  service_ = &service;
  operations_ = &operations;
  server_->start(maker());
}

serve::Server::Make Server::Inside::maker() {
  return [this](asio::ip::tcp::socket socket, serve::Connection::Owner& owner) {
    return std::make_shared<Connection>(std::move(socket), owner, *this);
  };
}

Surroundings Server::Inside::surroundings() {
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - opened_);
  return {*operations_,           options_,        counters_,
          server_->connections(), server_->port(), static_cast<std::uint64_t>(uptime.count())};
}

Result<std::unique_ptr<Server>> Server::open(asio::io_context& loop, Options options) {
  auto server = serve::Server::open(loop, {"Redis", options.host, options.port}, options.limits);
  if (!server) {
    return std::move(server).error();
  }
  auto inside = std::make_unique<Inside>(std::move(options), std::move(*server));
  return std::unique_ptr<Server>(new Server(std::move(inside)));
}

Server::Server(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Server::~Server() = default;
void Server::start(ticket::Service& service, Operations& operations) {
  inside_->start(service, operations);
}
void Server::turn_away() { inside_->turn_away(); }
std::uint16_t Server::port() const { return inside_->server().port(); }
std::size_t Server::connections() const { return inside_->server().connections(); }
void Server::close(std::function<void()> closed) { inside_->server().close(std::move(closed)); }

}  // namespace ticketd::redis
