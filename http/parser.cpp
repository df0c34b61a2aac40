#include "http/parser.h"

#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace ticketd::http {

namespace {

/// A gathered head or body of more than this gives its memory back.
constexpr std::size_t kBytesKept = 1024;
/// To llhttp: stop with an error.
constexpr int kStop = -1;

int to_llhttp(bool accepted) { return accepted ? 0 : kStop; }

}  // namespace

Parser::Parser(const MessageLimits& limits, WantsBody wants_body)
    : limits_(limits), wants_body_(wants_body) {
  llhttp_init(&llhttp_, HTTP_REQUEST, &callbacks());
  llhttp_.data = this;
}

const llhttp_settings_t& Parser::callbacks() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t length) {
      return to_llhttp(self(p).on_header_field({at, length}));
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t length) {
      return to_llhttp(self(p).on_header_value({at, length}));
    };
    s.on_headers_complete = [](llhttp_t* p) { return to_llhttp(self(p).read_end_of_head()); };
    s.on_chunk_header = [](llhttp_t* p) { return to_llhttp(self(p).on_chunk_header()); };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t length) {
      return to_llhttp(self(p).on_body({at, length}));
    };
    // Pausing keeps llhttp from running into the next request.
    s.on_message_complete = [](llhttp_t* p) {
      self(p).fields_.complete = true;
      return static_cast<int>(HPE_PAUSED);
    };
    return s;
  }();
  return settings;
}

Parsed Parser::next(std::string_view& input) {
  ENSURE(phase_ != Phase::kFailed);
  if (phase_ == Phase::kHead) {
    Parsed parsed = next_head(input);
    if (phase_ != Phase::kBody || std::holds_alternative<ExpectsContinue>(parsed)) {
      return parsed;
    }
  }
  return next_body(input);
}

Parsed Parser::next_head(std::string_view& input) {
  if (head_was_read_) {
    forget_request();
  }
  while (true) {
    const std::string_view seen = input.substr(0, limits_.header_bytes - head_.size());
    std::size_t offset = 0;
    LineScanner::Found found = lines_.next(seen, offset);
    while (found == LineScanner::Found::kLine) {
      seen_line_ = true;
      found = lines_.next(seen, offset);
    }
    if (found == LineScanner::Found::kRefused) {
      return fail(Status::kBadRequest, "malformed request: " + std::string(lines_.error()));
    }
    if (found == LineScanner::Found::kEmptyLine && !seen_line_) {
      // Old clients send an empty line too many behind a body (RFC 9112, 2.2).
      head_.clear();
      input.remove_prefix(offset);
      continue;
    }
    const bool whole = found == LineScanner::Found::kEmptyLine;
    const std::string_view taken = seen.substr(0, offset);
    input.remove_prefix(offset);
    if (whole && head_.empty()) {
      return read_head(taken, input);
    }
    head_.append(taken);
    if (whole) {
      return read_head(head_, input);
    }
    if (head_.size() == limits_.header_bytes) {
      return fail(Status::kHeadersTooLarge, "the request line and headers are larger than " +
                                                std::to_string(limits_.header_bytes) + " bytes");
    }
    return NeedMore{};
  }
}

void Parser::forget_request() {
  head_was_read_ = false;
  clear_keeping(head_, kBytesKept);
  clear_keeping(body_, kBytesKept);
}

Parsed Parser::read_head(std::string_view head, std::string_view rest) {
  fields_ = {};
  if (!read_request_line(head.substr(0, head.find('\r')))) {
    return fail(error_.status, std::move(error_.message));
  }
  llhttp_reset(&llhttp_);
  const llhttp_errno_t outcome = llhttp_execute(&llhttp_, head.data(), head.size());
  head_was_read_ = true;
  if (fields_.complete && !refused_) {
    return complete();
  }
  if (refused_ || outcome != HPE_OK || !fields_.has_body) {
    return llhttp_failure();
  }
  keep_views();
  fields_.keeps_body = wants_body_ != nullptr && wants_body_(fields_.request);
  phase_ = Phase::kBody;
  lines_.reset();
  framing_bytes_ = 0;
  empty_line_due_ = false;
  if (fields_.expects_continue && rest.empty()) {
    return ExpectsContinue{};
  }
  return NeedMore{};
}

/// The head may have stood in bytes that are the caller's.
void Parser::keep_views() {
  Request& request = fields_.request;
  if (request.target.data() != target_.data()) {
    target_ = request.target;
    request.target = target_;
  }
  host_ = request.host;
  request.host = host_;
  idempotency_key_ = request.idempotency_key;
  request.idempotency_key = idempotency_key_;
}

Parsed Parser::next_body(std::string_view& input) {
  if (input.empty()) {
    return NeedMore{};
  }
  framing_ = input.data();
  const llhttp_errno_t outcome = llhttp_execute(&llhttp_, input.data(), input.size());
  const char* end =
      outcome == HPE_OK ? input.data() + input.size() : llhttp_get_error_pos(&llhttp_);
  if (!refused_ && fields_.chunked) {
    check_framing(end);
  }
  if (refused_ || (outcome != HPE_OK && !fields_.complete)) {
    return llhttp_failure();
  }
  input.remove_prefix(static_cast<std::size_t>(end - input.data()));
  return fields_.complete ? complete() : NeedMore{};
}

Parsed Parser::complete() {
  phase_ = Phase::kHead;
  seen_line_ = false;
  lines_.reset();
  fields_.request.body = body_;
  return fields_.request;
}

Parsed Parser::fail(Status status, std::string message) {
  phase_ = Phase::kFailed;
  return RequestError{status, std::move(message)};
}

Parsed Parser::llhttp_failure() {
  if (refused_) {
    return fail(error_.status, std::move(error_.message));
  }
  const llhttp_errno_t outcome = llhttp_get_errno(&llhttp_);
  // The form of the request line was found good before llhttp saw it.
  if (outcome == HPE_INVALID_METHOD || outcome == HPE_INVALID_CONSTANT) {
    return fail(Status::kNotImplemented, "the method is not known");
  }
  const char* reason = llhttp_get_error_reason(&llhttp_);
  return fail(Status::kBadRequest,
              std::string("malformed request: ") + (reason != nullptr ? reason : "unknown"));
}

bool Parser::refuse(Status status, std::string message) {
  if (!refused_) {
    refused_ = true;
    error_ = {status, std::move(message)};
  }
  return false;
}

bool Parser::on_chunk_header() {
  chunk_bytes_left_ = llhttp_.content_length;
  if (chunk_bytes_left_ > limits_.body_bytes - fields_.body_bytes) {
    return refuse(Status::kContentTooLarge,
                  "the body is larger than " + std::to_string(limits_.body_bytes) + " bytes");
  }
  return true;
}

bool Parser::on_body(std::string_view data) {
  if (fields_.keeps_body) {
    body_.append(data);
  }
  if (!fields_.chunked) {
    return true;
  }
  if (!check_framing(data.data())) {
    return false;
  }
  framing_ = data.data() + data.size();
  framing_bytes_ = 0;
  fields_.body_bytes += data.size();
  chunk_bytes_left_ -= data.size();
  // llhttp would skip any two bytes behind the data.
  empty_line_due_ = chunk_bytes_left_ == 0;
  return true;
}

bool Parser::check_framing(const char* end) {
  const std::string_view framing(framing_, static_cast<std::size_t>(end - framing_));
  framing_ = end;
  framing_bytes_ += framing.size();
  if (framing_bytes_ > limits_.header_bytes) {
    return refuse(Status::kHeadersTooLarge, "chunk extensions or trailers are larger than " +
                                                std::to_string(limits_.header_bytes) + " bytes");
  }
  for (std::size_t offset = 0; offset < framing.size();) {
    const LineScanner::Found found = lines_.next(framing, offset);
    if (found == LineScanner::Found::kRefused) {
      return refuse(Status::kBadRequest, "malformed chunk: " + std::string(lines_.error()));
    }
    if (found == LineScanner::Found::kLine && empty_line_due_) {
      return refuse(Status::kBadRequest, "malformed chunk: it is longer than its size");
    }
    empty_line_due_ = empty_line_due_ && found == LineScanner::Found::kNothing;
  }
  return true;
}

}  // namespace ticketd::http
