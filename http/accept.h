// Which of the two forms of an answer a client prefers (RFC 9110, 12.5.1).
#pragma once

#include <string_view>

namespace ticketd::http {

/// The Accept headers of one request: its media ranges and their weights. A range that is malformed
/// is as one that was not sent.
class Accept {
 public:
  /// The value of one header; several are as one list.
  void add(std::string_view value);

  /// application/json is named, not only covered by a wildcard, with a weight above 0 and not below
  /// the weight of text/plain. So a client that takes anything gets plain text.
  bool prefers_json() const;

 private:
  void add_range(std::string_view range);

  // Weights in thousandths, as the ranges of RFC 9110 give them; negative: not named.
  int json_ = -1;
  int plain_ = -1;
  int any_text_ = -1;
  int any_ = -1;
};

}  // namespace ticketd::http
