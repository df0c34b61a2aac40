// Bytes of a connection to requests: llhttp behind a stricter door.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "http/accept.h"
#include "http/line_scanner.h"
#include "http/options.h"
#include "http/request.h"

namespace ticketd::http {

/// All bytes were taken; more are needed.
struct NeedMore {};
/// The client sends the body only after "100 Continue" (RFC 9110, 10.1.1). Told once a request.
struct ExpectsContinue {};

using Parsed = std::variant<NeedMore, ExpectsContinue, Request, RequestError>;

/// Parses the requests of one connection, in pieces of any size. Bodies are kept for those requests
/// that have a use for one, and dropped for others.
///
/// llhttp 8 as Debian builds it is lenient with line ends, spaces in names and other protocols, and
/// its later releases differ among each other. So the head of a request is gathered whole, its
/// lines and its request line are checked here, and only then llhttp reads it; in a chunked body
/// the bytes between the data are checked beside llhttp.
class Parser {
 public:
  /// Asked when the head was read, of a request without its body.
  using WantsBody = bool (*)(const Request&);

  /// Without `wants_body` no body is kept.
  explicit Parser(const MessageLimits& limits, WantsBody wants_body = nullptr);
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  /// Takes bytes from the front of `input`. After NeedMore `input` is empty. Must not be called
  /// again after a RequestError.
  Parsed next(std::string_view& input);

  /// A request has begun and not arrived whole.
  bool in_request() const { return phase_ != Phase::kHead || (!head_.empty() && !head_was_read_); }

  /// Between two requests: gives back what the last one, which is of no more use, needed.
  void give_back_memory() {
    if (!in_request()) forget_request();
  }

 private:
  enum class Phase { kHead, kBody, kFailed };
  /// What one request said about itself.
  struct Fields {
    Request request;
    /// The header whose value comes next.
    std::string_view name;
    /// From a target in absolute form: goes before the Host header (RFC 9112, 3.2.2).
    std::string_view authority;
    Accept accept;
    bool keeps_body = false;
    std::size_t hosts = 0;
    std::size_t transfer_codings = 0;
    bool has_body = false;
    bool chunked = false;
    bool expects_continue = false;
    bool close = false;
    bool keep_alive = false;
    bool complete = false;
    std::uint64_t body_bytes = 0;
  };

  Parsed next_head(std::string_view& input);
  Parsed read_head(std::string_view head, std::string_view rest);
  Parsed next_body(std::string_view& input);
  void forget_request();
  void keep_views();
  Parsed complete();
  Parsed fail(Status status, std::string message);
  Parsed llhttp_failure();

  // parser_head.cpp; false: refused.
  bool read_request_line(std::string_view line);
  bool read_version(std::string_view version);
  bool read_target(std::string_view target);
  bool read_header(std::string_view name, std::string_view value);
  bool read_host(std::string_view value);
  bool read_transfer_encoding(std::string_view value);
  void read_connection(std::string_view value);
  bool read_end_of_head();
  /// Keeps the first reason. Returns false.
  bool refuse(Status status, std::string message);

  static Parser& self(llhttp_t* parser) { return *static_cast<Parser*>(parser->data); }
  static const llhttp_settings_t& callbacks();
  bool on_header_field(std::string_view name);
  bool on_header_value(std::string_view value);
  bool on_chunk_header();
  bool on_body(std::string_view data);
  /// Checks the bytes of a chunked body from where the last data ended up to `end`.
  bool check_framing(const char* end);

  const MessageLimits limits_;
  const WantsBody wants_body_;
  llhttp_t llhttp_;
  Phase phase_ = Phase::kHead;
  LineScanner lines_;
  bool seen_line_ = false;
  /// The head so far, when it did not come in one piece; once it was read, only views need it.
  std::string head_;
  bool head_was_read_ = false;
  /// Where views point that cannot point into the head: because a body came behind it, or because
  /// the target was written in another form.
  std::string target_;
  std::string host_;
  std::string idempotency_key_;
  /// What is kept of the body so far.
  std::string body_;
  Fields fields_;
  bool refused_ = false;
  RequestError error_;

  // Of a chunked body: from where on its framing was not checked, how much there was since the last
  // data, how much data the chunk still has, and whether it has just ended.
  const char* framing_ = nullptr;
  std::size_t framing_bytes_ = 0;
  std::uint64_t chunk_bytes_left_ = 0;
  bool empty_line_due_ = false;
};

}  // namespace ticketd::http
