#include "base/version.h"

namespace ticketd {

std::string_view version() { return TICKETD_VERSION; }

}  // namespace ticketd
