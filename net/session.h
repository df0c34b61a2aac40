// An accepted connection: a member that dialed us, or a client.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/connection.h"
#include "net/transport_core.h"

namespace ticketd::net {

class Session : public ConnectionHandler, public std::enable_shared_from_this<Session> {
 public:
  /// A client that reads so slowly is given more time than a member: no election waits for it.
  static constexpr std::chrono::seconds kClientStall{10};
  /// Requests waiting for their answer; further ones are answered kBusy.
  static constexpr std::size_t kRequestsMax = 10'000;
  /// Answers waiting to be read; past it the connection is closed. What was read for a query is
  /// left out before that: many long ones may be ready at once, through no fault of the asker.
  static constexpr std::size_t kUnreadBytesMax = 4 << 20;
  static constexpr std::size_t kShortAnswersReserve = 64 << 10;

  Session(std::shared_ptr<TransportCore> core, asio::ip::tcp::socket socket);

  void start() { connection_->start(shared_from_this()); }
  void close() { connection_->close(); }
  void sweep(Clock::time_point now);
  /// Closes what is not welcome, in favour of a newer connection.
  void make_room();

  bool is_welcome() const { return stage_ == Stage::kWelcome; }
  Clock::time_point accepted_at() const { return accepted_at_; }
  /// The member that introduced itself, and on which lane; none for a client.
  struct Member {
    raft::MemberId id;
    /// Whom it dialed: us, as judged.
    raft::MemberId to;
    Lane lane;
  };
  const std::optional<Member>& member() const { return member_; }
  bool is_client() const { return is_client_; }

 private:
  enum class Stage {
    /// Before Hello or ClientHello.
    kSilent,
    kWelcome,
    /// Told why; it is closed soon.
    kRefused,
  };

  void on_frame(Frame frame) override;
  void on_broken(const std::string& reason) override;

  void take(Hello hello);
  void take(const ClientHello& hello);
  void take(raft::Message message);
  void take(const MemberStatus& status);
  void take(Request request);
  // Not for a listener's ears: the decoder refuses them.
  void take(const Welcome&) { refused_by_decoder(); }
  void take(const Refused&) { refused_by_decoder(); }
  void take(const Response&) { refused_by_decoder(); }
  [[noreturn]] static void refused_by_decoder();

  void welcome(Hearing hearing, std::size_t read_bytes);
  void refuse(Refused refused);
  void respond(std::uint64_t id, Reply reply);
  /// Closes for a reason of ours.
  void end(const std::string& reason);

  std::shared_ptr<TransportCore> core_;
  std::shared_ptr<Connection> connection_;
  const Clock::time_point accepted_at_;
  Stage stage_ = Stage::kSilent;
  std::optional<Member> member_;
  bool is_client_ = false;
  std::size_t requests_ = 0;
};

}  // namespace ticketd::net
