#include "http/server.h"

#include <ctime>
#include <utility>

#include "base/check.h"
#include "http/connection.h"
#include "http/response.h"
#include "serve/server.h"

namespace ticketd::http {

class Server::Inside final : public Connection::Owner {
 public:
  Inside(Options options, std::unique_ptr<serve::Server> server)
      : options_(std::move(options)), writer_(options_.server), server_(std::move(server)) {}

  void turn_away() { server_->turn_away(maker()); }
  void start(ticket::Service& service);
  serve::Server& server() { return *server_; }

  ticket::Service& service() override { return *service_; }
  const Options& options() const override { return options_; }
  const ResponseWriter& writer() override;

 private:
  serve::Server::Make maker();

  const Options options_;
  ticket::Service* service_ = nullptr;
  ResponseWriter writer_;
  /// Goes first: its connections know the rest.
  std::unique_ptr<serve::Server> server_;
};

void Server::Inside::start(ticket::Service& service) {
  ENSURE(service_ == nullptr);
  service_ = &service;
  server_->start(maker());
}

serve::Server::Make Server::Inside::maker() {
  return [this](asio::ip::tcp::socket socket, serve::Connection::Owner& owner) {
    return std::make_shared<Connection>(std::move(socket), owner, *this);
  };
}

const ResponseWriter& Server::Inside::writer() {
  writer_.set_time(std::time(nullptr));
  return writer_;
}

Result<std::unique_ptr<Server>> Server::open(asio::io_context& loop, Options options) {
  auto server = serve::Server::open(loop, {"HTTP", options.host, options.port}, options.limits);
  if (!server) {
    return std::move(server).error();
  }
  auto inside = std::make_unique<Inside>(std::move(options), std::move(*server));
  return std::unique_ptr<Server>(new Server(std::move(inside)));
}

Server::Server(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Server::~Server() = default;
void Server::start(ticket::Service& service) { inside_->start(service); }
void Server::turn_away() { inside_->turn_away(); }
std::uint16_t Server::port() const { return inside_->server().port(); }
std::size_t Server::connections() const { return inside_->server().connections(); }
void Server::stop_accepting() { inside_->server().stop_accepting(); }
void Server::close(std::function<void()> closed) { inside_->server().close(std::move(closed)); }

}  // namespace ticketd::http
