// http/openapi.json, which the build puts into the program.
#pragma once

#include <string_view>

namespace ticketd::http {

std::string_view openapi_json();

}  // namespace ticketd::http
