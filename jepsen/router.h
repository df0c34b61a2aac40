// Carries packets between the TUN devices of hosts, and does to them what each link's faults say.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "jepsen/descriptor.h"
#include "jepsen/link.h"

namespace ticketd::jepsen {

/// A thread of its own. Hosts are numbered from 0; that of number h has the address first_address +
/// h. Packets that are not IPv4, or for nobody here, are dropped. Public functions may be called by
/// any thread, but start() and stop() by one.
class Router {
 public:
  /// Packets that may be on the way at once; more are dropped.
  static constexpr std::size_t kOnTheWayMax = 65'536;

  /// `tuns` are the hosts' devices, which must live as long as the router runs.
  Router(std::vector<int> tuns, std::uint32_t first_address, std::uint64_t seed);
  ~Router();

  Status start();
  void stop();

  LinkFaults faults(std::size_t from, std::size_t to) const;
  void set_faults(std::size_t from, std::size_t to, const LinkFaults& faults);
  LinkStatistics statistics(std::size_t from, std::size_t to) const;

  /// Looks at an IPv4 packet with its header.
  using PacketTest = bool (*)(const unsigned char* packet, std::size_t bytes);
  /// Until a packet of host `from` for which the test is true has been handed to another host.
  /// False when none has for so long. For one thread at a time; the router's runs the test.
  bool wait_for_packet(std::size_t from, PacketTest test, std::chrono::milliseconds patience);

 private:
  struct Watch {
    std::size_t from;
    PacketTest test;
    bool seen = false;
  };

  struct OnTheWay {
    std::int64_t time_ns;
    std::uint64_t serial;  // equal times stay in order
    std::size_t link;
    std::vector<unsigned char> packet;

    bool operator>(const OnTheWay& other) const {
      return time_ns != other.time_ns ? time_ns > other.time_ns : serial > other.serial;
    }
  };

  void run();
  /// Everything the device has, up to a bound that keeps others from waiting.
  void receive(std::size_t from);
  void route(std::size_t from, unsigned char* packet, std::size_t bytes);
  void put_on_the_way(std::int64_t time_ns, std::size_t link, const unsigned char* packet,
                      std::size_t bytes);
  void deliver(std::size_t link, const unsigned char* packet, std::size_t bytes);
  /// What has arrived by now. Returns when the next will, in nanoseconds from now; below 0 for
  /// never.
  std::int64_t deliver_due();
  std::size_t link_between(std::size_t from, std::size_t to) const;

  const std::vector<int> tuns_;
  const std::uint32_t first_address_;
  Descriptor poll_, stop_;
  std::thread thread_;

  mutable std::mutex mutex_;  // guards links_ and watch_
  std::vector<Link> links_;
  std::optional<Watch> watch_;
  std::condition_variable watched_;

  // The thread's own.
  Random random_;
  std::uint64_t serial_ = 0;
  std::vector<OnTheWay> on_the_way_;  // a heap, the earliest in front
};

}  // namespace ticketd::jepsen
