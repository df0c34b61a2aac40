#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/cli/temporary_directory.h"

namespace ticketd::cli {

/// What a command gave and printed.
struct Answer {
  int code = -1;
  std::string out;
  std::string err;
};

/// Runs `command`, an int(), with standard output and error in files and an empty standard input.
template <class Run>
Answer captured(Run command) {
  const TemporaryDirectory directory;
  const std::string paths[] = {"/dev/null", directory / "out", directory / "err"};
  int kept[3];
  std::fflush(nullptr);
  for (int standard = 0; standard < 3; ++standard) {
    kept[standard] = ::dup(standard);
    const int file = ::open(paths[standard].c_str(), O_RDWR | O_CREAT, 0600);
    ::dup2(file, standard);
    ::close(file);
  }
  Answer answer;
  answer.code = command();
  std::fflush(nullptr);
  for (int standard = 0; standard < 3; ++standard) {
    ::dup2(kept[standard], standard);
    ::close(kept[standard]);
  }
  answer.out = read_file(paths[1]);
  answer.err = read_file(paths[2]);
  return answer;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace ticketd::cli
