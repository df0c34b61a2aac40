// Writer and Reader: how each kind of field (see net/fields.h) becomes bytes and is taken back.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "base/check.h"
#include "net/fields.h"

namespace ticketd::net {

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsNumber = false;
template <class Kind>
inline constexpr bool kIsNumber<raft::Number<Kind>> = true;

/// The largest value a field of this type may have, written or (`reads`) taken.
template <class T>
constexpr std::uint64_t varint_max(bool reads) {
  if constexpr (std::is_same_v<T, raft::Term> || std::is_same_v<T, raft::Index>) {
    return number_end(reads) - 1;
  } else if constexpr (kIsNumber<T>) {
    return std::numeric_limits<std::uint64_t>::max();
  } else {
    return std::numeric_limits<T>::max();
  }
}

/// Sorts fields by their type; `Self` has the rest.
template <class Self>
class Archive {
 public:
  template <class T>
  void operator()(const char* name, T& value) {
    using Plain = std::remove_const_t<T>;
    Self& self = static_cast<Self&>(*this);
    if constexpr (std::is_same_v<Plain, bool>) {
      self.flag(name, value);
    } else if constexpr (std::is_enum_v<Plain>) {
      self.choice(name, value);
    } else if constexpr (kIsOptional<Plain>) {
      self.maybe(name, value);
    } else if constexpr (kIsNumber<Plain>) {
      self.varint(name, value.value, varint_max<Plain>(Self::kReads));
    } else if constexpr (std::is_integral_v<Plain>) {
      self.varint(name, value, varint_max<Plain>(Self::kReads));
    } else {
      self.message(name, value);
    }
  }
};

/// Appends to a buffer that it is given. The first field that a Reader would refuse is named by
/// fault(); what was written is of no use then.
class Writer : public Archive<Writer> {
 public:
  static constexpr bool kReads = false;

  explicit Writer(std::string& out) : out_(out) {}

  bool ok() const { return fault_.empty(); }
  const std::string& fault() const { return fault_; }
  void require(bool condition, const char* why) {
    if (!condition) {
      fail(why);
    }
  }

  void flag(const char*, bool value) { byte(value ? 1 : 0); }
  template <class Enum>
  void choice(const char*, Enum value) {
    byte(static_cast<std::uint8_t>(value));
  }
  void varint(const char* name, std::uint64_t value, std::uint64_t max) {
    limit(name, value, max);
    append_varint(value);
  }
  void count(const char* name, std::size_t value, std::size_t max) {
    limit(name, value, max);
    append_varint(value);
  }
  void fixed(const char*, std::uint64_t value) {
    char bytes[sizeof value];
    for (char& b : bytes) {
      b = static_cast<char>(value & 0xff);
      value >>= 8;
    }
    out_.append(bytes, sizeof bytes);
  }
  void text(const char* name, std::string_view value, std::size_t max) {
    if (value.size() > max) {
      fail(std::string(name) + " is longer than " + std::to_string(max) + " bytes");
    }
    append_string(value);
  }
  void prose(const char*, std::string_view value) {
    append_string(value.substr(0, kProseBytesMax));
  }
  void bytes(const char*, const raft::Payload& value) { append_string(value.view()); }
  void configuration(const char*, const raft::Configuration& value) {
    append_string(value.encode());
  }
  void check_configuration(const char*, const raft::Payload&) {}

  template <class T>
  void maybe(const char* name, const std::optional<T>& value) {
    byte(value ? 1 : 0);
    if (value) {
      (*this)(name, *value);
    }
  }
  template <class T>
  void list(const char* name, const std::vector<T>& values, std::size_t max) {
    count(name, values.size(), max);
    for (const T& value : values) {
      fields(*this, value);
    }
  }
  template <class Variant>
  void alternative(const char*, const Variant& value) {
    byte(static_cast<std::uint8_t>(value.index() + 1));
    std::visit([this](const auto& each) { fields(*this, each); }, value);
  }
  template <class M>
  void message(const char*, const M& m) {
    fields(*this, m);
  }

 private:
  void limit(const char* name, std::uint64_t value, std::uint64_t max) {
    if (value > max) {
      fail(std::string(name) + " is above " + std::to_string(max));
    }
  }
  void fail(std::string why) {
    if (fault_.empty()) {
      fault_ = std::move(why);
    }
  }
  void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void append_varint(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>((value & 0x7f) | 0x80));
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void append_string(std::string_view value) {
    append_varint(value.size());
    out_.append(value);
  }

  std::string& out_;
  std::string fault_;
};

/// Takes fields from bytes nobody has vouched for. The first fault stays and is named; what was
/// read after it means nothing.
class Reader : public Archive<Reader> {
 public:
  static constexpr bool kReads = true;

  explicit Reader(std::string_view payload) : in_(payload) {}

  bool ok() const { return fault_.empty(); }
  const std::string& fault() const { return fault_; }
  std::size_t remaining() const { return in_.remaining(); }
  void require(bool condition, const char* why) {
    if (!condition) {
      fail(why);
    }
  }

  void flag(const char* name, bool& value) { value = small(name, 0, 1) == 1; }
  template <class Enum>
  void choice(const char* name, Enum& value) {
    value = static_cast<Enum>(small(name, static_cast<std::uint8_t>(EnumRange<Enum>::kFirst),
                                    static_cast<std::uint8_t>(EnumRange<Enum>::kLast)));
  }
  template <class Unsigned>
  void varint(const char* name, Unsigned& value, std::uint64_t max) {
    const std::uint64_t read = in_.varint();
    value = static_cast<Unsigned>(checked(name, read, 0, max));
  }
  /// Each of the counted things takes at least a byte, so a claim beyond the bytes that are there
  /// is refused before anything is set aside for it.
  void count(const char* name, std::size_t& value, std::size_t max) {
    const std::uint64_t read = in_.varint();
    value = static_cast<std::size_t>(checked(name, read, 0, std::min(max, in_.remaining())));
  }
  void fixed(const char* name, std::uint64_t& value) {
    value = in_.u64();
    noticed(name);
  }
  void text(const char* name, std::string& value, std::size_t max) {
    value = in_.string(max);
    noticed(name);
  }
  void prose(const char* name, std::string& value) { text(name, value, kProseBytesMax); }
  void bytes(const char* name, raft::Payload& value) {
    const std::string_view read = in_.string(kMemberBytesMax);
    noticed(name);
    value = read.empty() ? raft::Payload() : raft::Payload(std::string(read));
  }
  void configuration(const char* name, raft::Configuration& value);
  /// An entry's payload must be a configuration that somebody is in.
  void check_configuration(const char* name, const raft::Payload& value);

  template <class T>
  void maybe(const char* name, std::optional<T>& value) {
    value.reset();
    if (small(name, 0, 1) == 1) {
      (*this)(name, value.emplace());
    }
  }
  template <class T>
  void list(const char* name, std::vector<T>& values, std::size_t max) {
    std::size_t size = 0;
    count(name, size, max);
    values.reserve(size);
    while (values.size() < size && ok()) {
      fields(*this, values.emplace_back());
    }
  }
  template <class Variant>
  void alternative(const char* name, Variant& value) {
    const std::uint8_t kind = small(name, 1, std::variant_size_v<Variant>);
    read_alternative(value, kind - 1U, std::make_index_sequence<std::variant_size_v<Variant>>());
  }
  template <class M>
  void message(const char*, M& m) {
    fields(*this, m);
  }

 private:
  template <class Variant, std::size_t... I>
  void read_alternative(Variant& value, std::size_t index, std::index_sequence<I...>) {
    ((I == index ? fields(*this, value.template emplace<I>()) : void()), ...);
  }
  /// One byte in [first, last]; `first` after a fault.
  std::uint8_t small(const char* name, std::uint8_t first, std::uint8_t last) {
    const std::uint8_t read = in_.u8();
    return static_cast<std::uint8_t>(checked(name, read, first, last));
  }
  std::uint64_t checked(const char* name, std::uint64_t read, std::uint64_t first,
                        std::uint64_t last) {
    if (in_.ok() && read >= first && read <= last) return read;
    return out_of_range(name, read, first, last);
  }
  void noticed(const char* name) {
    if (!in_.ok()) cut_short(name);
  }
  std::uint64_t out_of_range(const char* name, std::uint64_t read, std::uint64_t first,
                             std::uint64_t last);
  void cut_short(const char* name);
  void fail(std::string why);

  ByteReader in_;  // not ok() once there is a fault
  std::string fault_;
};

}  // namespace ticketd::net
