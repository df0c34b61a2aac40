// One client's connection.
#pragma once

#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "redis/commands.h"
#include "redis/operations.h"
#include "redis/parser.h"
#include "redis/pipeline.h"
#include "redis/session.h"
#include "serve/connection.h"
#include "ticket/service.h"

namespace ticketd::redis {

/// Reads requests, has the service or the node answer them, writes the replies in order.
///
/// What the leader must answer takes effect in the order in which it came: while the leader is
/// being looked for, those behind wait as well; takes in a row go to the service together, and so
/// do reads in a row, but a read waits until the takes before it are answered, and the other way
/// round.
class Connection final : public serve::Connection {
 public:
  /// What all connections of a server share.
  class Owner {
   public:
    virtual ticket::Service& service() = 0;
    virtual Surroundings surroundings() = 0;
    virtual const Options& options() const = 0;
    /// Numbers the connections, from 1.
    virtual std::uint64_t count_connection() = 0;
    virtual void count_commands(std::size_t number) = 0;

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
  bool write_ready(std::string& out) override { return pipeline_.take_ready(out); }
  void say_too_slow() override;
  void say_cut_short() override;
  void say_too_many(std::size_t limit) override;
  void say_not_yet() override;

  // `input`: what stands behind the request; those that repeat it may be taken with it.
  void begin(Arguments arguments, std::string_view& input);
  void carry_out(const Command& command, Arguments arguments, std::string_view& input);
  void take_repeats(ticket::Request& request, std::string_view& input);
  void reply_at_once(const Command& command, Arguments arguments);
  bool may_administer() const;
  void quit();

  /// What `write` gives a ReplyWriter is the reply to the request that came last.
  template <class Write>
  void reply(Write write);
  void reply_error(std::string_view text);
  /// The last of all replies.
  void push_last(std::string_view error);

  // connection_calls.cpp
  void ask(Asked asked);
  bool has_to_ask();
  void ask_next();
  void on_leader(const ticket::LeaderView& leader);
  void hand_over(std::uint64_t place, const ticket::LeaderView& leader);
  void ask_service(std::uint64_t place, Asked asked);
  void on_done(std::uint64_t place, const ticket::Answer& outcome);
  void on_found(std::uint64_t place, const ticket::QueryAnswer& outcome);
  void on_not_done(std::uint64_t place, const ticket::NotDone& not_done);
  void redirect(std::uint64_t place);
  void reply_leader(std::uint64_t place, const ticket::LeaderView& leader);
  void make_snapshot();
  Operations::Done on_changed(std::uint64_t place);
  void on_outcome(std::uint64_t place, const Outcome& outcome);
  template <class Write>
  void answer(std::uint64_t place, Write write);

  Owner& owner_;
  Parser parser_;
  Pipeline pipeline_;
  Session session_;
  /// Before this place nothing waits to be asked of the service.
  std::uint64_t next_to_ask_ = 0;
  /// The leader is being looked for.
  bool finding_leader_ = false;
  /// ask_next() or on_leader() is at work, and will see what comes up meanwhile.
  bool asking_ = false;
  /// What was asked and not answered; not both at once.
  std::size_t changes_ = 0;
  std::size_t reads_ = 0;
};

template <class Write>
void Connection::reply(Write write) {
  if (pipeline_.empty()) {
    ReplyWriter writer(output(), session_.protocol);
    return write(writer);
  }
  std::string bytes;
  ReplyWriter writer(bytes, session_.protocol);
  write(writer);
  pipeline_.push_written(std::move(bytes));
}

template <class Write>
void Connection::answer(std::uint64_t place, Write write) {
  std::string bytes;
  ReplyWriter writer(bytes, pipeline_.protocol(place));
  write(writer);
  pipeline_.answer_written(place, std::move(bytes));
}

}  // namespace ticketd::redis
