// Reading records before the machine asks for them.
//
// The warmer reads them under a transaction of its own and throws them away: afterwards their pages
// are in memory. What counts is read again on the loop, from its own view, so that it cannot be out
// of date.
#include <utility>

#include "base/check.h"
#include "store/disk_impl.h"
#include "store/record_walk.h"

namespace ticketd::store {

void DiskImpl::warm(std::vector<std::string> keys, Done done) {
  start_warming({.keys = std::move(keys), .range = std::nullopt, .done = std::move(done)});
}

void DiskImpl::warm(ticket::ListRange range, Done done) {
  start_warming({.keys = {}, .range = std::move(range), .done = std::move(done)});
}

void DiskImpl::start_warming(Warming warming) {
  ENSURE(*open_);
  waiting_to_warm_.push_back(std::move(warming));
  post_warming();
}

void DiskImpl::post_warming() {
  if (warming_ || waiting_to_warm_.empty()) {
    return;
  }
  warming_ = true;
  const auto all =
      std::make_shared<const std::vector<Warming>>(std::exchange(waiting_to_warm_, {}));
  // Should a snapshot be put in force meanwhile, the loop reads the new generation's itself.
  warmer_.post([this, all, state = store_->tables.state(overlay_->generation())] {
    page_in(*all, state);
    post_to_loop([this, all] { warmed(*all); });
  });
}

void DiskImpl::page_in(const std::vector<Warming>& all, Table state) {
  for (const Warming& warming : all) {
    warm_view_->renew();  // each its own: no view is kept for longer than one call takes
    for (const std::string& key : warming.keys) {
      (void)warm_view_->get(state, key);  // looked at, which is all that it is for
    }
    if (warming.range) {
      StoredWalk walk(*warm_view_, state, *warming.range);
      for (std::size_t i = 0; i < warming.range->limit && walk.more(); ++i) {
        walk.next();
      }
    }
  }
  warm_view_->reset();
}

void DiskImpl::warmed(const std::vector<Warming>& all) {
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
