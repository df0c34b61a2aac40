#pragma once

#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// Checks that stay on in every build: a failed one is a bug in this program, so it prints what it
/// compared to standard error and aborts. Never check bytes from a peer, a client or a disk with
/// these before they were validated. Arguments are evaluated exactly once.
///
///   ENSURE(condition)               ENSURE_MSG(condition, "text")
///   ENSURE_EQ(a, b)  ENSURE_NE  ENSURE_LT  ENSURE_LE  ENSURE_GT  ENSURE_GE
///   UNREACHABLE("text")
///
/// Operands are printed with operator<<; enums by their number; bytes in strings are escaped. Two
/// integers are compared by value, whatever their signs and widths.

#define ENSURE(...)           \
  ((__VA_ARGS__)              \
       ? static_cast<void>(0) \
       : ::ticketd::check_detail::fail(__FILE__, __LINE__, "ENSURE failed", #__VA_ARGS__, {}))

/// `text` is evaluated only on failure.
#define ENSURE_MSG(condition, text) \
  ((condition)                      \
       ? static_cast<void>(0)       \
       : ::ticketd::check_detail::fail(__FILE__, __LINE__, "ENSURE failed", #condition, (text)))

#define ENSURE_EQ(a, b) TICKETD_ENSURE_COMPARE(Equal, a, b, #a " == " #b)
#define ENSURE_NE(a, b) TICKETD_ENSURE_COMPARE(NotEqual, a, b, #a " != " #b)
#define ENSURE_LT(a, b) TICKETD_ENSURE_COMPARE(Less, a, b, #a " < " #b)
#define ENSURE_LE(a, b) TICKETD_ENSURE_COMPARE(LessOrEqual, a, b, #a " <= " #b)
#define ENSURE_GT(a, b) TICKETD_ENSURE_COMPARE(Greater, a, b, #a " > " #b)
#define ENSURE_GE(a, b) TICKETD_ENSURE_COMPARE(GreaterOrEqual, a, b, #a " >= " #b)

#define UNREACHABLE(text) \
  ::ticketd::check_detail::fail(__FILE__, __LINE__, "UNREACHABLE reached", (text), {})

#define TICKETD_ENSURE_COMPARE(relation, a, b, expression)                                \
  ::ticketd::check_detail::compare<::ticketd::check_detail::relation>(__FILE__, __LINE__, \
                                                                      expression, (a), (b))

namespace ticketd::check_detail {

/// Prints "file:line: headline: expression (detail)" to standard error and aborts.
[[noreturn]] void fail(const char* file, int line, std::string_view headline,
                       std::string_view expression, std::string_view detail);

/// `bytes` in quotes, with everything outside printable ASCII escaped and long ones cut short.
std::string quoted(std::string_view bytes);

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

/// What std::cmp_equal and its sisters accept.
template <class T>
concept PlainInteger =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
    !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> && !std::is_same_v<T, char16_t> &&
    !std::is_same_v<T, char32_t>;

template <class T>
std::string print(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::nullptr_t>) {
    return "nullptr";
  } else if constexpr (PlainInteger<T>) {
    return std::to_string(value);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return quoted(value);
  } else if constexpr (Streamable<T>) {
    std::ostringstream out;
    out << value;
    return std::move(out).str();
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<std::underlying_type_t<T>>(value));
  } else {
    return std::to_string(sizeof(T)) + " bytes without operator<<";
  }
}

#define TICKETD_RELATION(name, op, integer_compare)       \
  struct name {                                           \
    template <class A, class B>                           \
    static constexpr bool holds(const A& a, const B& b) { \
      if constexpr (PlainInteger<A> && PlainInteger<B>) { \
        return std::integer_compare(a, b);                \
      } else {                                            \
        return static_cast<bool>(a op b);                 \
      }                                                   \
    }                                                     \
  };
TICKETD_RELATION(Equal, ==, cmp_equal)
TICKETD_RELATION(NotEqual, !=, cmp_not_equal)
TICKETD_RELATION(Less, <, cmp_less)
TICKETD_RELATION(LessOrEqual, <=, cmp_less_equal)
TICKETD_RELATION(Greater, >, cmp_greater)
TICKETD_RELATION(GreaterOrEqual, >=, cmp_greater_equal)
#undef TICKETD_RELATION

template <class A, class B>
[[noreturn, gnu::cold, gnu::noinline]] void fail_comparison(const char* file, int line,
                                                            const char* expression, const A& a,
                                                            const B& b) {
  fail(file, line, "ENSURE failed", expression, print(a) + " and " + print(b));
}

template <class Relation, class A, class B>
void compare(const char* file, int line, const char* expression, const A& a, const B& b) {
  if (!Relation::holds(a, b)) [[unlikely]] {
    fail_comparison(file, line, expression, a, b);
  }
}

}  // namespace ticketd::check_detail
