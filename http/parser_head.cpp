// The request line and the headers: what the parser makes of them.
#include <algorithm>
#include <array>
#include <utility>

#include "http/parser.h"
#include "http/text.h"

namespace ticketd::http {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A table of the letters, the digits and some other characters.
constexpr std::array<bool, 256> letters_digits_and(std::string_view others) {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    table[c] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  for (const char c : others) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr auto kToken = letters_digits_and("!#$%&'*+-.^_`|~");
constexpr auto kHost = letters_digits_and("-._~%!$&'()*+,;=:[]");

bool consists_of(std::string_view text, const std::array<bool, 256>& table) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return table[static_cast<unsigned char>(c)]; });
}

bool is_token(std::string_view text) { return !text.empty() && consists_of(text, kToken); }

Method method_named(std::string_view name) {
  if (name == "POST") return Method::kPost;
  if (name == "GET") return Method::kGet;
  if (name == "HEAD") return Method::kHead;
  if (name == "PUT") return Method::kPut;
  if (name == "DELETE") return Method::kDelete;
  if (name == "OPTIONS") return Method::kOptions;
  return Method::kOther;
}

}  // namespace

bool Parser::read_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return refuse(Status::kBadRequest, "malformed request line: METHOD TARGET HTTP/1.1 expected");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(method)) {
    return refuse(Status::kBadRequest, "malformed method");
  }
  if (!read_version(line.substr(last + 1))) {
    return false;
  }
  if (method == "CONNECT") {
    return refuse(Status::kNotImplemented, "this is not a proxy");
  }
  fields_.request.method = method_named(method);
  return read_target(target);
}

bool Parser::read_version(std::string_view version) {
  fields_.request.http10 = version == "HTTP/1.0";
  if (fields_.request.http10 || version == "HTTP/1.1") {
    return true;
  }
  if (version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
      version[6] == '.' && is_digit(version[7])) {
    return refuse(Status::kVersionNotSupported, "HTTP/1.1 and HTTP/1.0 are understood");
  }
  return refuse(Status::kBadRequest, "malformed protocol version");
}

bool Parser::read_target(std::string_view target) {
  const bool visible = std::all_of(target.begin(), target.end(),
                                   [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!visible) {
    return refuse(Status::kBadRequest, "malformed target");
  }
  if (target.starts_with('/') || target == "*") {
    fields_.request.target = target;
    return true;
  }
  const std::size_t colon = target.find("://");
  const std::string_view scheme = target.substr(0, std::min(colon, target.size()));
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) {
    return refuse(Status::kBadRequest, "malformed target");
  }
  target.remove_prefix(colon + 3);
  fields_.authority = target.substr(0, target.find_first_of("/?"));
  target.remove_prefix(fields_.authority.size());
  if (fields_.authority.empty() || !consists_of(fields_.authority, kHost)) {
    return refuse(Status::kBadRequest, "malformed host");
  }
  if (target.starts_with('/')) {
    fields_.request.target = target;
  } else {
    target_ = "/";
    target_.append(target);
    fields_.request.target = target_;
  }
  return true;
}

bool Parser::on_header_field(std::string_view name) {
  // Names in trailers may come in pieces, and mean nothing here.
  fields_.name = phase_ == Phase::kHead ? name : std::string_view();
  if (!consists_of(name, kToken)) {
    return refuse(Status::kBadRequest, "malformed header name");
  }
  return true;
}

bool Parser::on_header_value(std::string_view value) {
  return phase_ != Phase::kHead || read_header(fields_.name, trimmed(value));
}

bool Parser::read_header(std::string_view name, std::string_view value) {
  if (equals_ignoring_case(name, "host")) {
    return read_host(value);
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    return read_transfer_encoding(value);
  } else if (equals_ignoring_case(name, "connection")) {
    read_connection(value);
  } else if (equals_ignoring_case(name, "expect") && !fields_.request.http10) {
    if (!equals_ignoring_case(value, "100-continue")) {
      return refuse(Status::kExpectationFailed, "the only expectation known is 100-continue");
    }
    fields_.expects_continue = true;
  } else if (equals_ignoring_case(name, "accept")) {
    fields_.accept.add(value);
  } else if (equals_ignoring_case(name, "content-type")) {
    fields_.request.form = equals_ignoring_case(take_element(value, ';'), kForm);
  } else if (equals_ignoring_case(name, "idempotency-key")) {
    ++fields_.request.idempotency_keys;
    fields_.request.idempotency_key = value;
  }
  return true;
}

bool Parser::read_host(std::string_view value) {
  if (++fields_.hosts > 1) {
    return refuse(Status::kBadRequest, "more than one Host header");
  }
  if (!consists_of(value, kHost)) {
    return refuse(Status::kBadRequest, "malformed host");
  }
  fields_.request.host = value;
  return true;
}

bool Parser::read_transfer_encoding(std::string_view value) {
  const std::string_view first = trimmed(value.substr(0, value.find(',')));
  const bool chunked_first = equals_ignoring_case(first, "chunked");
  if (++fields_.transfer_codings > 1 || first.empty() || (chunked_first && first != value)) {
    return refuse(Status::kBadRequest, "malformed or more than one Transfer-Encoding");
  }
  if (!chunked_first) {
    return refuse(Status::kNotImplemented, "the only transfer coding known is chunked");
  }
  fields_.chunked = true;
  return true;
}

void Parser::read_connection(std::string_view value) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view option = trimmed(value.substr(0, comma));
    fields_.close = fields_.close || equals_ignoring_case(option, "close");
    fields_.keep_alive = fields_.keep_alive || equals_ignoring_case(option, "keep-alive");
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

bool Parser::read_end_of_head() {
  Request& request = fields_.request;
  if (!request.http10 && fields_.hosts == 0) {
    return refuse(Status::kBadRequest, "the Host header is missing");
  }
  if (request.http10 && fields_.chunked) {
    return refuse(Status::kBadRequest, "HTTP/1.0 has no chunked transfer coding");
  }
  if (!fields_.authority.empty()) {
    request.host = fields_.authority;
  }
  request.prefers_json = fields_.accept.prefers_json();
  request.persistent = !fields_.close && (!request.http10 || fields_.keep_alive);
  // Without chunks llhttp has the declared length here.
  if (!fields_.chunked && llhttp_.content_length > limits_.body_bytes) {
    return refuse(Status::kContentTooLarge,
                  "the body is larger than " + std::to_string(limits_.body_bytes) + " bytes");
  }
  fields_.has_body = fields_.chunked || llhttp_.content_length > 0;
  return true;
}

}  // namespace ticketd::http
