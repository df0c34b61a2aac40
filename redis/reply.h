// Replies, and their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ticketd::redis {

enum class Protocol : std::uint8_t { kResp2 = 2, kResp3 = 3 };

/// Appends replies to a string. What holds others (arrays, maps, sets) is followed by as many
/// replies as it was said to hold; by twice as many for a map.
class ReplyWriter {
 public:
  ReplyWriter(std::string& out, Protocol protocol) : out_(out), protocol_(protocol) {}

  /// Control characters in `text` become spaces: a line is a line. So they do in error().
  void simple(std::string_view text);
  /// `text` begins with the code: "ERR ...".
  void error(std::string_view text);
  /// "+OK".
  void ok() { out_.append("+OK\r\n"); }
  /// "+N", as TICKET without a name replies.
  void simple_number(std::uint64_t number);
  void integer(std::int64_t number);
  /// An integer as long as it is one for a client, whose integers are signed; then a bulk string.
  void number(std::uint64_t number);
  void bulk(std::string_view bytes);
  /// A bulk string that says that it is text, for people.
  void text(std::string_view text);
  void null();
  void array(std::size_t elements) { head('*', elements); }
  void map(std::size_t pairs);
  void set(std::size_t elements) { head(protocol_ == Protocol::kResp3 ? '~' : '*', elements); }

 private:
  void head(char type, std::uint64_t number);
  void line(char type, std::string_view text);

  std::string& out_;
  Protocol protocol_;
};

}  // namespace ticketd::redis
