#pragma once

#include <string_view>

namespace ticketd {

/// The project's version as CMake knows it, for example "0.1.0".
std::string_view version();

}  // namespace ticketd
