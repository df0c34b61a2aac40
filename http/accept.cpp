#include "http/accept.h"

#include <algorithm>
#include <optional>

#include "http/text.h"

namespace ticketd::http {

namespace {

/// "0" to "1" with at most three decimals, in thousandths.
std::optional<int> weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
      (text.size() > 1 && text[1] != '.')) {
    return std::nullopt;
  }
  int thousandths = 0;
  for (std::size_t place = 0; place < 5; ++place) {
    if (place == 1) {
      continue;
    }
    const char digit = place < text.size() ? text[place] : '0';
    if (digit < '0' || digit > '9') {
      return std::nullopt;
    }
    thousandths = 10 * thousandths + (digit - '0');
  }
  return thousandths <= 1000 ? std::optional(thousandths) : std::nullopt;
}

}  // namespace

void Accept::add(std::string_view value) {
  while (!value.empty()) {
    add_range(take_element(value, ','));
  }
}

/// Of several ranges of one kind the one with the greatest weight counts.
void Accept::add_range(std::string_view range) {
  const std::string_view type = take_element(range, ';');
  int weighs = 1000;
  while (!range.empty()) {
    const std::string_view parameter = take_element(range, ';');
    if (parameter.size() >= 2 && equals_ignoring_case(parameter.substr(0, 2), "q=")) {
      const std::optional<int> given = weight(parameter.substr(2));
      if (!given) {
        return;
      }
      weighs = *given;
      break;
    }
  }
  const auto note = [&](std::string_view name, int& known) {
    if (equals_ignoring_case(type, name)) {
      known = std::max(known, weighs);
    }
  };
  note("application/json", json_);
  note("text/plain", plain_);
  note("text/*", any_text_);
  note("*/*", any_);
}

bool Accept::prefers_json() const {
  const int plain = plain_ >= 0 ? plain_ : any_text_ >= 0 ? any_text_ : any_;
  return json_ > 0 && json_ >= plain;
}

}  // namespace ticketd::http
