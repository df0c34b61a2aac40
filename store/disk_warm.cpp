// Reading records before the machine asks for them.
//
// The warmer reads them and throws them away: afterwards their pages are in memory. What counts is
// read again on the loop, from its own view, so that it cannot be out of date.
#include <utility>

#include "base/check.h"
#include "store/journaled_disk.h"

namespace ticketd::store {

void JournaledDisk::warm(std::vector<std::string> keys, Done done) {
  start_warming({.keys = std::move(keys), .range = std::nullopt, .done = std::move(done)});
}

void JournaledDisk::warm(ticket::ListRange range, Done done) {
  start_warming({.keys = {}, .range = std::move(range), .done = std::move(done)});
}

void JournaledDisk::start_warming(Warming warming) {
  ENSURE(*open_);
  waiting_to_warm_.push_back(std::move(warming));
  post_warming();
}

void JournaledDisk::post_warming() {
  if (warming_ || waiting_to_warm_.empty()) {
    return;
  }
  warming_ = true;
  const auto all =
      std::make_shared<const std::vector<Warming>>(std::exchange(waiting_to_warm_, {}));
  // Should a snapshot be put in force meanwhile, the loop reads the new generation's itself.
  warmer_.post([this, all, generation = overlay_->generation()] {
    for (const Warming& warming : *all) {
      engine_.page_in(warming.keys, warming.range, generation);
    }
    post_to_loop([this, all] { warmed(*all); });
  });
}

void JournaledDisk::warmed(const std::vector<Warming>& all) {
  const auto open = open_;
  warming_ = false;
  for (const Warming& warming : all) {
    overlay_->hold();
    for (const std::string& key : warming.keys) {
      overlay_->warm(key);
    }
    warming.done();
    if (!*open) {
      return;
    }
    overlay_->let_go();
  }
  post_warming();
}

}  // namespace ticketd::store
