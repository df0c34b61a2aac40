#include "http/line_scanner.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ticketd::http {
namespace {

using Found = LineScanner::Found;

/// What is found up to the end or the first refusal, in pieces of `piece` bytes.
std::vector<Found> scan(std::string_view bytes, std::size_t piece) {
  LineScanner scanner;
  std::vector<Found> result;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::string_view part = bytes.substr(at, piece);
    std::size_t offset = 0;
    Found found = scanner.next(part, offset);
    for (; found != Found::kNothing; found = scanner.next(part, offset)) {
      result.push_back(found);
      if (found == Found::kRefused) {
        CHECK_FALSE(scanner.error().empty());
        return result;
      }
    }
  }
  return result;
}

void check_all_pieces(std::string_view bytes, const std::vector<Found>& expected) {
  CAPTURE(bytes);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    CAPTURE(piece);
    CHECK(scan(bytes, piece) == expected);
  }
}

TEST_CASE("lines end with CR LF, wherever the pieces are cut") {
  check_all_pieces("a: b\r\n\r\nnext", {Found::kLine, Found::kEmptyLine});
  check_all_pieces("\r\n\r\na\tb \xff\r\n", {Found::kEmptyLine, Found::kEmptyLine, Found::kLine});
}

TEST_CASE("what another reader might take for a line's end is refused") {
  check_all_pieces("a\nb\r\n", {Found::kRefused});
  check_all_pieces("a\rb\r\n", {Found::kRefused});
  check_all_pieces("a\r\r\n", {Found::kRefused});
  check_all_pieces("a\r\n\nb", {Found::kLine, Found::kRefused});
  check_all_pieces("a\fb\r\n", {Found::kRefused});
  check_all_pieces("a\vb\r\n", {Found::kRefused});
  check_all_pieces(std::string_view("a\0b\r\n", 5), {Found::kRefused});
  check_all_pieces("a\x7f\r\n", {Found::kRefused});
}

TEST_CASE("a folded line and a header without a name are refused") {
  check_all_pieces("a: b\r\n c\r\n", {Found::kLine, Found::kRefused});
  check_all_pieces("a: b\r\n\tc\r\n", {Found::kLine, Found::kRefused});
  check_all_pieces("a: b\r\n: c\r\n", {Found::kLine, Found::kRefused});
}

}  // namespace
}  // namespace ticketd::http
