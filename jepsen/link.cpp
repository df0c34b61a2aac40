#include "jepsen/link.h"

#include <algorithm>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

bool happens(double share, Random& random) {
  if (share <= 0) return false;
  constexpr std::uint64_t kParts = std::uint64_t{1} << 32;
  return static_cast<double>(random.below(kParts)) < share * static_cast<double>(kParts);
}

std::int64_t up_to(std::chrono::nanoseconds limit, Random& random) {
  return static_cast<std::int64_t>(random.between(0, static_cast<std::uint64_t>(limit.count())));
}

}  // namespace

void Link::set_faults(const LinkFaults& faults) {
  for (const double share :
       {faults.loss, faults.duplication, faults.reordering, faults.corruption}) {
    ENSURE_GE(share, 0.0);
    ENSURE_LE(share, 1.0);
  }
  for (const auto delay : {faults.delay, faults.jitter, faults.reordering_delay, faults.flapping}) {
    ENSURE_GE(delay.count(), 0);
  }
  faults_ = faults;
  busy_until_ns_ = latest_ns_ = 0;
}

const std::vector<Arrival>& Link::send(std::int64_t now_ns, std::size_t bytes, Random& random) {
  arrivals_.clear();
  ++statistics_.sent;
  statistics_.sent_bytes += bytes;
  std::int64_t sent_ns = now_ns;
  if (faults_.cut || flapped(now_ns)) {
    ++statistics_.cut;
  } else if (happens(faults_.loss, random)) {
    ++statistics_.lost;
  } else if (!transmit(now_ns, bytes, sent_ns)) {
    ++statistics_.overflowed;
  } else {
    arrivals_.push_back(arrival(sent_ns, random));
    if (happens(faults_.duplication, random)) {
      ++statistics_.duplicated;
      arrivals_.push_back(arrival(sent_ns, random));
    }
  }
  return arrivals_;
}

bool Link::flapped(std::int64_t now_ns) const {
  const std::int64_t period_ns = faults_.flapping.count();
  return period_ns > 0 && now_ns / period_ns % 2 == 0;
}

bool Link::transmit(std::int64_t now_ns, std::size_t bytes, std::int64_t& sent_ns) {
  if (faults_.bytes_per_s == 0) return true;
  const auto ns_of = [this](std::uint64_t count) {
    return static_cast<std::int64_t>(static_cast<double>(count) * 1e9 /
                                     static_cast<double>(faults_.bytes_per_s));
  };
  const std::int64_t begin_ns = std::max(now_ns, busy_until_ns_);
  if (begin_ns - now_ns > ns_of(kBacklogBytes)) return false;
  busy_until_ns_ = sent_ns = begin_ns + ns_of(bytes);
  return true;
}

Arrival Link::arrival(std::int64_t sent_ns, Random& random) {
  Arrival result;
  result.time_ns = sent_ns + faults_.delay.count() + up_to(faults_.jitter, random);
  if (happens(faults_.reordering, random)) {
    ++statistics_.reordered;
    result.time_ns += up_to(faults_.reordering_delay, random);
  } else {
    result.time_ns = latest_ns_ = std::max(latest_ns_, result.time_ns);
  }
  if (happens(faults_.corruption, random)) {
    ++statistics_.corrupted;
    result.flips = faults_.flipped_bits;
  }
  return result;
}

bool Link::deliver(std::size_t bytes) {
  if (faults_.cut) {
    ++statistics_.cut;
    return false;
  }
  ++statistics_.delivered;
  statistics_.delivered_bytes += bytes;
  return true;
}

void flip_bits(unsigned char* packet, std::size_t bytes, unsigned count, Random& random) {
  ENSURE_GT(bytes, 0);
  const std::size_t header = (packet[0] & 0x0fU) * std::size_t{4};
  const std::size_t begin = header < bytes ? header : 0;
  for (; count > 0; --count) {
    const std::uint64_t bit = random.below((bytes - begin) * 8);
    packet[begin + static_cast<std::size_t>(bit / 8)] ^=
        static_cast<unsigned char>(1U << (bit % 8));
  }
}

}  // namespace ticketd::jepsen
