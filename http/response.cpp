#include "http/response.h"

#include <array>
#include <charconv>

#include "base/check.h"

namespace ticketd::http {

namespace {

/// std::strftime would use the words of the process's locale.
std::string http_date(std::time_t now) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ENSURE(gmtime_r(&now, &utc) != nullptr);
  std::array<char, 64> text;
  const int length = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   kDays[utc.tm_wday], utc.tm_mday, kMonths[utc.tm_mon],
                                   utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

/// A number as text, without allocating.
class Decimal {
 public:
  explicit Decimal(std::uint64_t number)
      : end_(std::to_chars(digits_.data(), digits_.data() + digits_.size(), number).ptr) {}
  std::string_view view() const {
    return {digits_.data(), static_cast<std::size_t>(end_ - digits_.data())};
  }

 private:
  std::array<char, 20> digits_;
  const char* end_;
};

void write_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void write_persistence(std::string& out, Framing framing) {
  if (!framing.persistent) {
    out.append("Connection: close\r\n");
  } else if (framing.http10) {
    out.append("Connection: keep-alive\r\n");
  }
}

}  // namespace

std::string_view reason_phrase(Status status) {
  switch (status) {
    case Status::kOk:
      return "OK";
    case Status::kMovedPermanently:
      return "Moved Permanently";
    case Status::kTemporaryRedirect:
      return "Temporary Redirect";
    case Status::kPermanentRedirect:
      return "Permanent Redirect";
    case Status::kBadRequest:
      return "Bad Request";
    case Status::kForbidden:
      return "Forbidden";
    case Status::kNotFound:
      return "Not Found";
    case Status::kMethodNotAllowed:
      return "Method Not Allowed";
    case Status::kRequestTimeout:
      return "Request Timeout";
    case Status::kConflict:
      return "Conflict";
    case Status::kContentTooLarge:
      return "Content Too Large";
    case Status::kUnsupportedMediaType:
      return "Unsupported Media Type";
    case Status::kExpectationFailed:
      return "Expectation Failed";
    case Status::kUnprocessableContent:
      return "Unprocessable Content";
    case Status::kHeadersTooLarge:
      return "Request Header Fields Too Large";
    case Status::kNotImplemented:
      return "Not Implemented";
    case Status::kServiceUnavailable:
      return "Service Unavailable";
    case Status::kGatewayTimeout:
      return "Gateway Timeout";
    case Status::kVersionNotSupported:
      return "HTTP Version Not Supported";
    case Status::kInsufficientStorage:
      return "Insufficient Storage";
  }
  UNREACHABLE("a status without a reason phrase");
}

ResponseWriter::ResponseWriter(std::string_view server) {
  write_header(server_, "Server", server);
  set_time(0);
}

void ResponseWriter::set_time(std::time_t now) {
  if (now == time_) {
    return;
  }
  time_ = now;
  common_ = server_;
  write_header(common_, "Date", http_date(now));
}

void ResponseWriter::write_ticket(std::string& out, std::uint64_t number, Framing framing) const {
  const Decimal body(number);
  out.append("HTTP/1.1 200 OK\r\n").append(common_);
  write_persistence(out, framing);
  out.append("Content-Type: text/plain\r\nContent-Length: ");
  out.append(Decimal(body.view().size()).view()).append("\r\n\r\n");
  if (!framing.without_body) {
    out.append(body.view());
  }
}

void ResponseWriter::write(std::string& out, const Response& response, Framing framing) const {
  const std::string_view reason =
      response.reason.empty() ? reason_phrase(response.status) : response.reason;
  out.append("HTTP/1.1 ").append(Decimal(static_cast<std::uint64_t>(response.status)).view());
  out.append(" ").append(reason).append("\r\n").append(common_);
  write_persistence(out, framing);
  if (!response.location.empty()) {
    write_header(out, "Location", response.location);
  }
  if (!response.allow.empty()) {
    write_header(out, "Allow", response.allow);
  }
  if (response.retry) {
    write_header(out, "Retry-After", "1");
  }
  if (response.no_store) {
    write_header(out, "Cache-Control", "no-store");
  }
  if (response.replayed) {
    write_header(out, "Idempotency-Replayed", "true");
  }
  if (response.applied_index) {
    write_header(out, "Ticketd-Applied-Index", Decimal(*response.applied_index).view());
  }
  if (!response.body.empty()) {
    write_header(out, "Content-Type",
                 response.type == ContentType::kJson ? "application/json" : "text/plain");
  }
  write_header(out, "Content-Length", Decimal(response.body.size()).view());
  out.append("\r\n");
  if (!framing.without_body) {
    out.append(response.body);
  }
}

}  // namespace ticketd::http
