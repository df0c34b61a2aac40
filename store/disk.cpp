#include "store/disk.h"

namespace ticketd::store {

const char* to_string(Durability durability) {
  switch (durability) {
    case Durability::kHigh: return "high";
    case Durability::kMedium: return "medium";
    case Durability::kLow: return "low";
  }
  return "?";
}

}  // namespace ticketd::store
