#include "store/overlay.h"

#include <utility>

#include "base/check.h"
#include "store/durable.h"

namespace ticketd::store {

Overlay::Overlay(const Environment& environment, const Tables& tables, std::uint64_t generation)
    : view_(environment), tables_(tables), generation_(generation) {}

std::optional<std::uint64_t> Overlay::find(std::string_view sequence) {
  if (const auto found = current_.find(sequence); found != current_.end()) {
    return found->second;
  }
  if (frozen_ != nullptr) {
    if (const auto found = frozen_->find(sequence); found != frozen_->end()) {
      return found->second;
    }
  }
  return find_stored(sequence);
}

std::optional<std::uint64_t> Overlay::find_stored(std::string_view sequence) const {
  std::optional<std::string_view> stored;
  try {
    stored = view_.get(tables_.state(generation_), state_key(sequence));
  } catch (const DatabaseError& error) {
    fatal(error.what());
  }
  if (!stored) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> last = decode_number(*stored);
  if (!last) {
    fatal("the database is damaged at a sequence's number");
  }
  return last;
}

void Overlay::put(std::string_view sequence, std::uint64_t last) {
  unsettled_ = true;
  if (const auto found = current_.find(sequence); found != current_.end()) {
    found->second = last;
  } else {
    current_.emplace(std::string(sequence), last);
  }
}

std::shared_ptr<const Changes> Overlay::freeze() {
  ENSURE(!unsettled_);
  ENSURE(frozen_ == nullptr);
  frozen_ = std::make_shared<const Changes>(std::exchange(current_, Changes()));
  return frozen_;
}

void Overlay::landed() {
  frozen_ = nullptr;
  view_.renew();
}

void Overlay::reset(std::uint64_t generation) {
  frozen_ = nullptr;
  current_.clear();
  unsettled_ = false;
  generation_ = generation;
  view_.renew();
}

}  // namespace ticketd::store
