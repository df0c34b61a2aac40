#include "jepsen/names.h"

#include <limits>

#include "base/check.h"
#include "base/hash.h"

namespace ticketd::jepsen {

Names::Names() : ends_{0}, slots_(16) {}

std::uint32_t Names::intern(std::string_view text) {
  const std::uint64_t hash64 = ticketd::hash64(text);
  const auto hash = static_cast<std::uint32_t>(hash64);
  const std::size_t mask = slots_.size() - 1;
  std::size_t place = (hash64 >> 32) & mask;
  for (; slots_[place].id_plus_one != 0; place = (place + 1) & mask) {
    const std::uint32_t id = slots_[place].id_plus_one - 1;
    if (slots_[place].hash == hash && this->text(id) == text) return id;
  }
  const std::uint32_t id = size();
  ENSURE_LT(id, std::numeric_limits<std::uint32_t>::max() - 1);
  texts_.append(text);
  ends_.push_back(texts_.size());
  slots_[place] = {hash, id + 1};
  if (std::size_t{size()} * 2 > slots_.size()) grow();
  return id;
}

std::string_view Names::text(std::uint32_t id) const {
  ENSURE_LT(id, size());
  return std::string_view(texts_).substr(ends_[id], ends_[id + 1] - ends_[id]);
}

void Names::grow() {
  slots_.assign(slots_.size() * 2, Slot{});
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t id = 0; id < size(); ++id) {
    const std::uint64_t hash = hash64(text(id));
    std::size_t place = (hash >> 32) & mask;
    while (slots_[place].id_plus_one != 0) place = (place + 1) & mask;
    slots_[place] = {static_cast<std::uint32_t>(hash), id + 1};
  }
}

}  // namespace ticketd::jepsen
