#include "load/request.h"

#include <algorithm>
#include <numeric>
#include <sstream>
#include <vector>

#include "base/check.h"

namespace ticketd::load {
namespace {

/// A path segment: everything but letters, digits and a few more is escaped.
std::string escaped(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

/// The name that is asked for, the digits of a key's number all the same.
std::string name_with(const Work& work, char digit) {
  return work.keys == 1 ? work.sequence : work.sequence + "-" + std::string(kKeyDigits, digit);
}

std::string http_text(std::string_view method, std::string_view target, std::string_view host,
                      std::string_view body) {
  std::ostringstream out;
  out << method << ' ' << target << " HTTP/1.1\r\nHost: " << host << "\r\n";
  if (!body.empty() || method == "POST" || method == "PUT") {
    out << "Content-Length: " << body.size() << "\r\n";
  }
  out << "\r\n" << body;
  return out.str();
}

std::string http_request(const Work& work, std::string_view host, char digit) {
  if (!work.takes_tickets()) {
    return http_text(work.method, work.target, host, work.body);
  }
  std::string target = work.sequence.empty() ? "/" : "/seq/" + escaped(name_with(work, digit));
  if (work.count != 0) {
    target += "?count=" + std::to_string(work.count);
  }
  return http_text("POST", target, host, "");
}

std::string redis_request(const Work& work, char digit) {
  std::vector<std::string> words;
  if (work.takes_tickets()) {
    words = {"TICKET"};
    if (!work.sequence.empty()) {
      words.push_back(name_with(work, digit));
    }
    if (work.count != 0) {
      words.insert(words.end(), {"COUNT", std::to_string(work.count)});
    }
  } else {
    std::istringstream in(work.command);
    for (std::string word; in >> word;) {
      words.push_back(word);
    }
  }
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

std::string request_with(const Work& work, std::string_view host, char digit) {
  return work.protocol == Protocol::kHttp ? http_request(work, host, digit)
                                          : redis_request(work, digit);
}

std::uint64_t scattering_stride(std::uint64_t keys) {
  std::uint64_t stride = keys * 618 / 1000 + 1;
  while (std::gcd(stride, keys) != 1) {
    ++stride;
  }
  return stride;
}

}  // namespace

RequestWriter::RequestWriter(const Work& work, std::string_view host)
    : keys_(work.keys),
      stride_(scattering_stride(work.keys)),
      request_(request_with(work, host, '0')) {
  ENSURE(keys_ >= 1 && keys_ <= kKeysMax);
  if (keys_ > 1) {
    ENSURE(work.takes_tickets() && !work.sequence.empty());
    const std::string other = request_with(work, host, '9');
    digits_at_ = static_cast<std::size_t>(
        std::mismatch(request_.begin(), request_.end(), other.begin()).first - request_.begin());
  }
}

std::uint64_t RequestWriter::next_key() {
  key_ = (key_ + stride_) % keys_;
  return key_;
}

void RequestWriter::append_to(std::string& out) {
  const std::size_t begin = out.size();
  out += request_;
  if (keys_ == 1) {
    return;
  }
  std::uint64_t rest = next_key();
  for (std::size_t digit = kKeyDigits; digit-- > 0; rest /= 10) {
    out[begin + digits_at_ + digit] = static_cast<char>('0' + rest % 10);
  }
}

std::string leader_probe(const Work& work, std::string_view host) {
  // Under /seq every node has the leader answer, at / it says who leads. The last number given is
  // nowhere less than 0, so a PUT of that changes nothing.
  const bool needed =
      work.protocol == Protocol::kHttp && work.takes_tickets() && !work.sequence.empty();
  return needed ? http_text("PUT", "/", host, "0") : "";
}

}  // namespace ticketd::load
