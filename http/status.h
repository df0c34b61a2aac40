// The status codes this server answers with.
#pragma once

#include <cstdint>
#include <string_view>

namespace ticketd::http {

enum class Status : std::uint16_t {
  kOk = 200,
  kMovedPermanently = 301,
  kTemporaryRedirect = 307,
  kPermanentRedirect = 308,
  kBadRequest = 400,
  kForbidden = 403,
  kNotFound = 404,
  kMethodNotAllowed = 405,
  kRequestTimeout = 408,
  kConflict = 409,
  kContentTooLarge = 413,
  kUnsupportedMediaType = 415,
  kExpectationFailed = 417,
  kUnprocessableContent = 422,
  kHeadersTooLarge = 431,
  kNotImplemented = 501,
  kServiceUnavailable = 503,
  kGatewayTimeout = 504,
  kVersionNotSupported = 505,
  kInsufficientStorage = 507,
};

/// The reason phrase of RFC 9110 (and of RFC 6585 for 431, RFC 4918 for 507).
std::string_view reason_phrase(Status status);

}  // namespace ticketd::http
