// One client's connection.
#pragma once

#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/operations.h"
#include "http/options.h"
#include "http/parser.h"
#include "http/pipeline.h"
#include "http/response.h"
#include "http/router.h"
#include "serve/connection.h"
#include "ticket/service.h"

namespace ticketd::http {

/// Reads requests, has the service answer them, writes the answers in order.
class Connection final : public serve::Connection {
 public:
  /// What all connections of a server share.
  class Owner {
   public:
    virtual ticket::Service& service() = 0;
    virtual const Options& options() const = 0;
    /// With the present time.
    virtual const ResponseWriter& writer() = 0;

   protected:
    ~Owner() = default;
  };

  /// `server` and `owner` must outlive this, or call abandon().
  Connection(asio::ip::tcp::socket socket, serve::Connection::Owner& server, Owner& owner);

 private:
  // --- serve::Connection -------------------------------------------------------------------------
  void take(std::string_view& input) override;
  bool in_request() const override { return parser_.in_request(); }
  std::size_t waiting() const override { return pipeline_.size(); }
  std::size_t held_bytes() const override { return pipeline_.held_bytes(); }
  void give_back_memory() override {
    parser_.give_back_memory();
    pipeline_.give_back_memory();
  }
  bool write_ready(std::string& out) override;
  void mark_last() override { pipeline_.close_after_last(); }
  void say_too_slow() override;
  void say_cut_short() override;
  void say_too_many(std::size_t limit) override;
  void say_not_yet() override;

  void begin(const Request& request);
  /// Says this as the last of all answers.
  void push_last(const Response& response);
  std::string written(const Response& response, Framing framing);

  // connection_calls.cpp
  void ask(std::uint64_t place);
  void on_leader(std::uint64_t place, const ticket::LeaderView& leader);
  void ask_service(std::uint64_t place, Place where);
  void on_done(std::uint64_t place, const ticket::Answer& outcome);
  void on_found(std::uint64_t place, const ticket::QueryAnswer& outcome);
  void answer(std::uint64_t place, const Response& response);

  Owner& owner_;
  Parser parser_;
  Pipeline pipeline_;
};

}  // namespace ticketd::http
