// Who reaches whom, how fast, and what becomes of frames on the way. Everything goes as bytes,
// through the codec, its checksums and the decoder.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "net/codec.h"
#include "net/frame_decoder.h"
#include "net/message.h"
#include "sim/plan.h"

namespace ticketd::sim {

class Process;
class Simulation;

using SessionId = std::uint32_t;

/// One dialer's connection to one listener, both lanes of it.
struct Session {
  /// kNobody: a client.
  std::uint32_t dialer = 0, dialer_life = 0;
  std::uint32_t listener = 0, listener_life = 0;
  raft::MemberId from, to;
  bool open = true;
  /// The listener heard a request on it.
  bool heard = false;
  /// Each direction hears its frames whole; the bulk lane is the dialer's alone.
  net::FrameDecoder control{net::Hearing::kGreeting}, bulk{net::Hearing::kBulk},
      answers{net::Hearing::kGreetingAnswer};
  /// On each of them nothing overtakes, unless the network reorders.
  Micros last_control = 0, last_bulk = 0, last_answer = 0;
  /// When the last frame of the dialer, and of the listener, arrives; repetitions do not count.
  Micros dialer_until = 0, listener_until = 0;
  /// One end is no more, and what it sent still arrives.
  bool drains = false;
  /// Of a client.
  std::function<void(std::optional<net::Reply>)> reply;

  /// Nothing is heard on it any more; gives its buffers back.
  void end() {
    open = false;
    control = net::FrameDecoder(net::Hearing::kGreeting);
    bulk = net::FrameDecoder(net::Hearing::kBulk);
    answers = net::FrameDecoder(net::Hearing::kGreetingAnswer);
  }
};

enum class Lane : std::uint8_t { kControl, kBulk, kAnswers };

class Network {
 public:
  explicit Network(Simulation& simulation);

  // --- Connections ------------------------------------------------------------------------------
  /// None: nobody listens there.
  std::optional<SessionId> dial(Process& dialer, const std::string& address, raft::MemberId to);
  Session& session(SessionId id) { return *sessions_[id]; }
  /// Nothing comes through any more; the dialer learns it after a while.
  void close(SessionId id);
  /// Of all connections of the process in this life: what it sent is lost, or arrives before the
  /// other end learns that nothing more will come. The kernel outlives a process, unless something
  /// unread makes it reset the connection.
  void process_died(const Process& process);
  /// Those of members for which `unwanted` holds.
  void close_sessions_to(const Process& listener,
                         const std::function<bool(raft::MemberId)>& unwanted);

  /// Puts one message on its way. `may_vanish`: loss and repetition are no fault of the transport.
  template <class Message>
  void send(SessionId id, Lane lane, const Message& message, bool may_vanish) {
    const std::uint32_t slot = take_slot(id, lane);
    net::encode(message, flights_[slot].bytes);
    dispatch(slot, may_vanish);
  }
  void send_encoded(SessionId id, Lane lane, std::string_view frame, bool may_vanish);

  /// As the command line asks. None: no answer.
  SessionId client_call(Process& listener, const net::Call& call, Micros patience,
                        std::function<void(std::optional<net::Reply>)> done);

  void arrive(std::uint32_t slot);
  void drop(std::uint32_t slot) { free_.push_back(slot); }
  /// A frame that the witness took goes on its way, whatever has been cut meanwhile.
  void release(std::uint32_t slot);
  /// The same frame once more, for the witness.
  std::uint32_t copy(std::uint32_t slot);

  // --- Faults -----------------------------------------------------------------------------------
  /// From now on nothing goes from one to the other, until each cut of that path was mended: they
  /// add up, so that whoever cut it ends nobody else's.
  void cut(std::uint32_t from, std::uint32_t to);
  /// What is sent meanwhile comes at that moment.
  void clog(std::uint32_t from, std::uint32_t to, Micros until);
  /// Ends one cut. Requires that there is one.
  void mend(std::uint32_t from, std::uint32_t to);
  /// Ends all cuts and clogs.
  void mend_all();
  bool is_cut(std::uint32_t from, std::uint32_t to) const;
  bool any_cut() const { return cut_paths_ > 0; }
  void calm_down() { calm_ = true; }

 private:
  struct Flight {
    SessionId session = 0;
    Lane lane = Lane::kControl;
    std::string bytes;
  };
  struct Path {
    std::uint32_t cuts = 0;
    Micros clogged_until = 0;
  };

  Path& path(std::uint32_t from, std::uint32_t to);
  std::uint32_t take_slot(SessionId id, Lane lane);
  void dispatch(std::uint32_t slot, bool may_vanish);
  void launch(std::uint32_t slot, Micros delay, bool repeated = false);
  void drain(SessionId id, bool dialer_died);
  bool is_alive(std::uint32_t process, std::uint32_t life) const;
  Micros draw_delay(std::uint32_t from);
  void struck(Fault fault, std::uint32_t sender);
  void damage(std::string& bytes);
  void heard_at_listener(SessionId id, Session& session, net::Frame&& frame);
  void heard_at_dialer(SessionId id, Session& session, net::Frame&& frame);
  void greet(SessionId id, Session& session, const net::Hello& hello);
  void request(SessionId id, Session& session, net::Request request);

  SessionId add(std::unique_ptr<Session> session);
  void forget_closed();

  Simulation& simulation_;
  Random& random_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<SessionId> open_;  // all that are open, and some that were
  std::vector<Flight> flights_;
  std::vector<std::uint32_t> free_;
  std::vector<Path> paths_;
  std::uint32_t cut_paths_ = 0;
  bool calm_ = false;
};

/// Paths are kept for so many processes.
inline constexpr std::uint32_t kProcessesMax = 24;

}  // namespace ticketd::sim
