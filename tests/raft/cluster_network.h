// A network that loses, duplicates, delays, reorders and cuts.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "raft/message.h"

namespace ticketd::raft::cluster {

class Simulation;

class Network {
 public:
  explicit Network(Simulation& simulation) : simulation_(simulation) {}

  void send(const Envelope& envelope);

  /// Nothing gets from one to the other until heal(); one way.
  void block(MemberId from, MemberId to) { blocked_.emplace(from, to); }
  /// What is sent from one to the other arrives only then, all of it.
  void clog(MemberId from, MemberId to, Micros until) { clogged_[{from, to}] = until; }
  void heal() { blocked_.clear(); }

 private:
  void carry(const Envelope& envelope, Micros delay);
  Micros draw_delay();
  /// True when a forged answer takes the place of the message.
  bool forge(const Envelope& envelope);

  Simulation& simulation_;
  std::set<std::pair<MemberId, MemberId>> blocked_;
  std::map<std::pair<MemberId, MemberId>, Micros> clogged_;       // until when
  std::map<std::pair<MemberId, MemberId>, Micros> last_arrival_;  // for links that keep order
};

}  // namespace ticketd::raft::cluster
