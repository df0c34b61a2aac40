#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace ticketd {

/// What went wrong, in words for an operator: which thing, what was found, what was expected.
struct Error {
  std::string message;
};

/// A value, or why there is none. Both convert into it:
///
///   Result<int> parse(std::string_view text) {
///     if (text.empty()) return Error{"the number is empty"};
///     return 17;
///   }
///
/// value(), * and -> require ok(); error() requires !ok().
template <class T>
class [[nodiscard]] Result {
  static_assert(!std::is_same_v<std::remove_cv_t<T>, Error> && !std::is_reference_v<T>);

 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    ENSURE_MSG(ok(), error().message);
    return *std::get_if<0>(&content_);
  }
  const T& value() const& {
    ENSURE_MSG(ok(), error().message);
    return *std::get_if<0>(&content_);
  }
  T&& value() && { return std::move(value()); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    ENSURE(!ok());
    return *std::get_if<1>(&content_);
  }
  Error&& error() && {
    ENSURE(!ok());
    return std::move(*std::get_if<1>(&content_));
  }

 private:
  std::variant<T, Error> content_;
};

/// Done, or why not. `return {};` says done.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }

  const Error& error() const& {
    ENSURE(!ok());
    return *error_;
  }
  Error&& error() && {
    ENSURE(!ok());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace ticketd
