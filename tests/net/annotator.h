// Prints a frame field by field: the examples in docs/protocol.md.
#pragma once

#include <string>
#include <vector>

#include "net/archive.h"

namespace ticketd::net {

/// Collects the fields of a payload with the bytes that a Writer makes of each.
class Annotator : public Archive<Annotator> {
 public:
  static constexpr bool kReads = false;

  struct Line {
    std::string bytes;
    std::string field;
  };

  const std::vector<Line>& lines() const { return lines_; }
  /// Names at the top level, each once, in order.
  const std::vector<std::string>& names() const { return names_; }

  bool ok() const { return true; }
  void require(bool, const char*) {}
  void check_configuration(const char*, const raft::Payload&) {}

  void flag(const char* name, bool value) {
    leaf(name, value ? "true" : "false", [&](Writer& out) { out.flag(name, value); });
  }
  template <class Enum>
  void choice(const char* name, Enum value) {
    leaf(name, std::to_string(static_cast<int>(value)),
         [&](Writer& out) { out.choice(name, value); });
  }
  void varint(const char* name, std::uint64_t value, std::uint64_t max) {
    leaf(name, std::to_string(value), [&](Writer& out) { out.varint(name, value, max); });
  }
  void count(const char* name, std::size_t value, std::size_t max) {
    leaf(name, std::to_string(value), [&](Writer& out) { out.count(name, value, max); });
  }
  void fixed(const char* name, std::uint64_t value) {
    leaf(name, "", [&](Writer& out) { out.fixed(name, value); });
  }
  void text(const char* name, const std::string& value, std::size_t max) {
    leaf(name, "\"" + value + "\"", [&](Writer& out) { out.text(name, value, max); });
  }
  void prose(const char* name, const std::string& value) {
    leaf(name, "\"" + value + "\"", [&](Writer& out) { out.prose(name, value); });
  }
  void bytes(const char* name, const raft::Payload& value) {
    leaf(name, std::to_string(value.size()) + " bytes",
         [&](Writer& out) { out.bytes(name, value); });
  }
  void configuration(const char* name, const raft::Configuration& value) {
    leaf(name, std::to_string(value.members().size()) + " members",
         [&](Writer& out) { out.configuration(name, value); });
  }
  template <class T>
  void maybe(const char* name, const std::optional<T>& value) {
    flag(name, value.has_value());
    if (value) {
      (*this)(name, *value);
    }
  }
  template <class T>
  void list(const char* name, const std::vector<T>& values, std::size_t max) {
    count(name, values.size(), max);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Inside inside(*this, std::string(name) + "[" + std::to_string(i) + "].");
      fields(*this, values[i]);
    }
  }
  template <class Variant>
  void alternative(const char* name, const Variant& value) {
    varint(name, value.index() + 1, 0xff);  // a byte, as Writer has it
    std::visit([this](const auto& each) { fields(*this, each); }, value);
  }
  template <class M>
  void message(const char* name, const M& m) {
    note(name);
    const Inside inside(*this, std::string(name) + ".");
    fields(*this, m);
  }

 private:
  struct Inside {
    Inside(Annotator& a, const std::string& part) : annotator(a), before(a.prefix_) {
      a.prefix_ += part;
    }
    ~Inside() { annotator.prefix_ = before; }
    Annotator& annotator;
    std::string before;
  };

  void note(const std::string& name) {
    if (prefix_.empty() && std::find(names_.begin(), names_.end(), name) == names_.end()) {
      names_.push_back(name);
    }
  }
  template <class Write>
  void leaf(const char* name, const std::string& value, Write write) {
    note(name);
    std::string bytes;
    Writer writer(bytes);
    write(writer);
    lines_.push_back({bytes, prefix_ + name + (value.empty() ? "" : " = " + value)});
  }

  std::string prefix_;
  std::vector<Line> lines_;
  std::vector<std::string> names_;
};

}  // namespace ticketd::net
