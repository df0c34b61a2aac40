#include "jepsen/router.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

constexpr std::size_t kPacketBytesMax = 65'536;
constexpr std::size_t kHeaderBytes = 20;
constexpr int kPacketsInARow = 64;
constexpr std::int64_t kNanosecondsInASecond = 1'000'000'000;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::uint32_t destination(const unsigned char* packet) {
  return std::uint32_t{packet[16]} << 24 | std::uint32_t{packet[17]} << 16 |
         std::uint32_t{packet[18]} << 8 | packet[19];
}

}  // namespace

Router::Router(std::vector<int> tuns, std::uint32_t first_address, std::uint64_t seed)
    : tuns_(std::move(tuns)),
      first_address_(first_address),
      links_(tuns_.size() * tuns_.size()),
      random_(seed) {}

Router::~Router() { stop(); }

Status Router::start() {
  ENSURE(!thread_.joinable());
  poll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  stop_ = Descriptor(::eventfd(0, EFD_CLOEXEC));
  if (!poll_ || !stop_) return Error{std::string("cannot make a router: ") + std::strerror(errno)};
  std::vector<int> watched = tuns_;
  watched.push_back(stop_.get());
  for (std::size_t number = 0; number < watched.size(); ++number) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = number;
    if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, watched[number], &event) != 0) {
      return Error{std::string("cannot watch a TUN device: ") + std::strerror(errno)};
    }
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

void Router::stop() {
  if (!thread_.joinable()) return;
  ENSURE_EQ(::eventfd_write(stop_.get(), 1), 0);
  thread_.join();
}

LinkFaults Router::faults(std::size_t from, std::size_t to) const {
  const std::lock_guard lock(mutex_);
  return links_[link_between(from, to)].faults();
}

void Router::set_faults(std::size_t from, std::size_t to, const LinkFaults& faults) {
  const std::lock_guard lock(mutex_);
  links_[link_between(from, to)].set_faults(faults);
}

LinkStatistics Router::statistics(std::size_t from, std::size_t to) const {
  const std::lock_guard lock(mutex_);
  return links_[link_between(from, to)].statistics();
}

std::size_t Router::link_between(std::size_t from, std::size_t to) const {
  ENSURE_LT(from, tuns_.size());
  ENSURE_LT(to, tuns_.size());
  return from * tuns_.size() + to;
}

void Router::run() {
  constexpr int kEventsMax = 16;
  epoll_event events[kEventsMax];
  while (true) {
    const std::int64_t wait_ns = deliver_due();
    const timespec timeout = {wait_ns / kNanosecondsInASecond, wait_ns % kNanosecondsInASecond};
    const int count =
        ::epoll_pwait2(poll_.get(), events, kEventsMax, wait_ns < 0 ? nullptr : &timeout, nullptr);
    ENSURE_MSG(count >= 0 || errno == EINTR, std::strerror(errno));
    for (int at = 0; at < count; ++at) {
      if (events[at].data.u64 == tuns_.size()) return;
      receive(static_cast<std::size_t>(events[at].data.u64));
    }
  }
}

void Router::receive(std::size_t from) {
  unsigned char packet[kPacketBytesMax];
  for (int left = kPacketsInARow; left > 0; --left) {
    const ssize_t bytes = ::read(tuns_[from], packet, sizeof packet);
    if (bytes <= 0) return;
    route(from, packet, static_cast<std::size_t>(bytes));
  }
}

void Router::route(std::size_t from, unsigned char* packet, std::size_t bytes) {
  if (bytes < kHeaderBytes || packet[0] >> 4 != 4) return;
  const std::uint32_t to = destination(packet) - first_address_;
  if (to >= tuns_.size()) return;
  const std::size_t link = link_between(from, to);
  const std::int64_t now = now_ns();
  // At most two: one packet and its copy.
  Arrival arrivals[2];
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const Arrival& arrival : links_[link].send(now, bytes, random_)) {
      arrivals[count++] = arrival;
    }
  }
  for (std::size_t at = 0; at < count; ++at) {
    std::vector<unsigned char> flipped;
    const unsigned char* sent = packet;
    if (arrivals[at].flips != 0) {
      flipped.assign(packet, packet + bytes);
      flip_bits(flipped.data(), bytes, arrivals[at].flips, random_);
      sent = flipped.data();
    }
    // One that is due already may still be on the way, and comes first.
    if (arrivals[at].time_ns <= now && on_the_way_.empty()) {
      deliver(link, sent, bytes);
    } else {
      put_on_the_way(arrivals[at].time_ns, link, sent, bytes);
    }
  }
}

void Router::put_on_the_way(std::int64_t time_ns, std::size_t link, const unsigned char* packet,
                            std::size_t bytes) {
  if (on_the_way_.size() >= kOnTheWayMax) {
    const std::lock_guard lock(mutex_);
    links_[link].overflow();
    return;
  }
  on_the_way_.push_back({time_ns, serial_++, link, {packet, packet + bytes}});
  std::ranges::push_heap(on_the_way_, std::greater<>());
}

std::int64_t Router::deliver_due() {
  while (!on_the_way_.empty()) {
    const std::int64_t wait_ns = on_the_way_.front().time_ns - now_ns();
    if (wait_ns > 0) return wait_ns;
    std::ranges::pop_heap(on_the_way_, std::greater<>());
    const OnTheWay arrived = std::move(on_the_way_.back());
    on_the_way_.pop_back();
    deliver(arrived.link, arrived.packet.data(), arrived.packet.size());
  }
  return -1;
}

void Router::deliver(std::size_t link, const unsigned char* packet, std::size_t bytes) {
  bool watched = false;
  {
    const std::lock_guard lock(mutex_);
    if (!links_[link].deliver(bytes)) return;
    watched = watch_ && watch_->from == link / tuns_.size() && watch_->test(packet, bytes);
  }
  // A host whose kernel has no room drops the packet, as a real one would.
  static_cast<void>(::write(tuns_[link % tuns_.size()], packet, bytes));
  if (!watched) return;
  const std::lock_guard lock(mutex_);
  if (watch_) watch_->seen = true;
  watched_.notify_all();
}

bool Router::wait_for_packet(std::size_t from, PacketTest test,
                             std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  watch_ = Watch{from, test};
  watched_.wait_for(lock, patience, [this] { return watch_->seen; });
  return std::exchange(watch_, std::nullopt)->seen;
}

}  // namespace ticketd::jepsen
