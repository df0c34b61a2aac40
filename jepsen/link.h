// What a network does to the packets of one direction between two hosts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/random.h"

namespace ticketd::jepsen {

/// All of it is off at first. Shares are from 0 to 1, of packets, each drawn by itself.
struct LinkFaults {
  /// Nothing gets through, nor what is on the way.
  bool cut = false;
  std::chrono::nanoseconds delay{0};
  /// When not 0, nothing that is sent in every second period of so long gets through.
  std::chrono::nanoseconds flapping{0};
  /// Up to so much more, evenly drawn; packets stay in order.
  std::chrono::nanoseconds jitter{0};
  double loss = 0;
  double duplication = 0;
  /// The share that is held back by up to `reordering_delay`, so that others overtake.
  double reordering = 0;
  std::chrono::nanoseconds reordering_delay{std::chrono::milliseconds(20)};
  /// The share in which `flipped_bits` bits behind the IP header are turned over. The kernels see
  /// one bit by the checksum of TCP, always; of more bits, some packets pass it.
  double corruption = 0;
  unsigned flipped_bits = 1;
  /// 0 for no limit. What does not fit into kBacklogBytes is dropped, as a router's queue does.
  std::uint64_t bytes_per_s = 0;

  bool operator==(const LinkFaults&) const = default;
};

struct LinkStatistics {
  /// What was sent into the link, and what came out of it.
  std::uint64_t sent = 0, sent_bytes = 0, delivered = 0, delivered_bytes = 0;
  /// Packets dropped by a cut, by loss, and because a queue was full.
  std::uint64_t cut = 0, lost = 0, overflowed = 0;
  std::uint64_t duplicated = 0, reordered = 0, corrupted = 0;
};

/// One packet as it will arrive.
struct Arrival {
  std::int64_t time_ns = 0;
  /// Bits to be turned over.
  unsigned flips = 0;
};

/// Decides when packets arrive. Knows neither packets nor clocks; not safe for several threads.
class Link {
 public:
  /// What a limited link holds of packets that wait to be sent.
  static constexpr std::uint64_t kBacklogBytes = 256 << 10;

  const LinkFaults& faults() const { return faults_; }
  /// Packets that come from now on do not wait for those of before. Requires shares from 0 to 1,
  /// and delays of at least 0.
  void set_faults(const LinkFaults& faults);

  /// A packet of so many bytes comes in: how it arrives, in none, one or two copies. The result is
  /// valid until the next call.
  const std::vector<Arrival>& send(std::int64_t now_ns, std::size_t bytes, Random& random);

  /// A packet comes out. False when the link has been cut: drop it.
  bool deliver(std::size_t bytes);
  /// It could not be kept or handed over.
  void overflow() { ++statistics_.overflowed; }

  const LinkStatistics& statistics() const { return statistics_; }

 private:
  bool flapped(std::int64_t now_ns) const;
  /// When its last byte is on the line; none when too many wait.
  bool transmit(std::int64_t now_ns, std::size_t bytes, std::int64_t& sent_ns);
  Arrival arrival(std::int64_t sent_ns, Random& random);

  LinkFaults faults_;
  LinkStatistics statistics_;
  std::vector<Arrival> arrivals_;
  /// The line is busy until then.
  std::int64_t busy_until_ns_ = 0;
  /// The latest arrival of those that stay in order.
  std::int64_t latest_ns_ = 0;
};

/// Turns over `count` bits, drawn anew each, behind the header of an IPv4 packet; in all of it when
/// there is nothing behind.
void flip_bits(unsigned char* packet, std::size_t bytes, unsigned count, Random& random);

}  // namespace ticketd::jepsen
