// Random messages that the protocol allows, of any kind, from the one list of fields.
#pragma once

#include <array>
#include <string>

#include "base/random.h"
#include "net/archive.h"

namespace ticketd::net {

/// Fills fields like a Reader would, from a seed instead of bytes.
class Filler : public Archive<Filler> {
 public:
  static constexpr bool kReads = true;

  explicit Filler(Random& random) : random_(random) {}

  bool ok() const { return ok_; }
  void require(bool condition, const char*) { ok_ = ok_ && condition; }
  void check_configuration(const char*, const raft::Payload&) {}

  void flag(const char*, bool& value) { value = random_.chance(1, 2); }
  template <class Enum>
  void choice(const char*, Enum& value) {
    value = static_cast<Enum>(random_.between(static_cast<std::uint64_t>(EnumRange<Enum>::kFirst),
                                              static_cast<std::uint64_t>(EnumRange<Enum>::kLast)));
    if constexpr (std::is_same_v<Enum, raft::EntryType>) {
      configuration_next_ = value == raft::EntryType::kConfiguration;
    }
  }
  /// Small ones, ones of every length, and the largest.
  template <class Unsigned>
  void varint(const char*, Unsigned& value, std::uint64_t max) {
    const std::uint64_t bits =
        random_.below(3) == 0 ? random_.between(0, 63) : random_.between(0, 2);
    const std::uint64_t number = random_.below((std::uint64_t{1} << bits) + 1);
    value = static_cast<Unsigned>(random_.chance(1, 50) ? max : std::min(number, max));
  }
  void count(const char*, std::size_t& value, std::size_t max) {
    value = std::min<std::size_t>(random_.below(5), max);
  }
  void fixed(const char*, std::uint64_t& value) { value = random_.next(); }
  void text(const char* name, std::string& value, std::size_t max) {
    if (std::string_view(name) == "key") {
      value = some_key();
      return;
    }
    value = string_of(random_.chance(1, 10) ? max : random_.below(std::min<std::size_t>(max, 20)));
  }
  void prose(const char* name, std::string& value) { text(name, value, kProseBytesMax); }
  void bytes(const char*, raft::Payload& value) {
    value = raft::Payload(configuration_next_ ? some_configuration().encode()
                                              : string_of(random_.below(200)));
    configuration_next_ = false;
  }
  void configuration(const char*, raft::Configuration& value) { value = some_configuration(); }
  template <class T>
  void maybe(const char* name, std::optional<T>& value) {
    if (random_.chance(1, 2)) {
      (*this)(name, value.emplace());
    }
  }
  template <class T>
  void list(const char* name, std::vector<T>& values, std::size_t max) {
    std::size_t size = 0;
    count(name, size, max);
    while (values.size() < size) {
      fields(*this, values.emplace_back());
    }
  }
  template <class Variant>
  void alternative(const char*, Variant& value) {
    pick(value, random_.below(std::variant_size_v<Variant>),
         std::make_index_sequence<std::variant_size_v<Variant>>());
  }
  template <class M>
  void message(const char*, M& m) {
    fields(*this, m);
  }

  template <class Variant, std::size_t... I>
  void pick(Variant& value, std::size_t index, std::index_sequence<I...>) {
    ((I == index ? fill(value.template emplace<I>()) : void()), ...);
  }

 private:
  void fill(raft::Message& message) {
    pick(message, random_.below(std::variant_size_v<raft::Message>),
         std::make_index_sequence<std::variant_size_v<raft::Message>>());
  }
  template <class M>
  void fill(M& m) {
    fields(*this, m);
  }
  std::string string_of(std::size_t size) {
    std::string text(size, '\0');
    for (char& c : text) {
      c = static_cast<char>(random_.below(256));
    }
    return text;
  }
  std::string some_key() {
    std::string key(random_.chance(1, 2) ? 0 : random_.between(1, ticket::kMaxKeyBytes), ' ');
    for (char& c : key) {
      c = static_cast<char>(random_.between('!', '~'));
    }
    return key;
  }
  raft::Configuration some_configuration() {
    raft::Configuration some;
    for (std::uint64_t members = random_.between(1, 4); members > 0; --members) {
      raft::Member member;
      fields(*this, member);
      member.voter = member.voter || some.empty();
      some = some.with(std::move(member));
    }
    // The only voter may have been replaced by one of the same id.
    return some.voter_count() > 0 ? some : some_configuration();
  }

  Random& random_;
  bool ok_ = true;
  bool configuration_next_ = false;
};

/// Any frame.
inline Frame random_frame(Random& random) {
  while (true) {
    Frame frame;
    Filler filler(random);
    filler.pick(frame, random.below(std::variant_size_v<Frame>),
                std::make_index_sequence<std::variant_size_v<Frame>>());
    if (filler.ok()) {
      return frame;
    }
  }
}

}  // namespace ticketd::net
