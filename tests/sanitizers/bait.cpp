// Commits the fault that its argument names, for a sanitizer to report.
#include <cstdio>
#include <limits>
#include <memory>
#include <string_view>
#include <thread>

namespace {

// Volatile, so that the compiler neither sees the faults coming nor removes them.
volatile int sink = 0;

void use_after_free() {
  auto owner = std::make_unique<int>(1);
  int* volatile dangling = owner.get();
  owner.reset();
  sink = *dangling;
}

void leak() {
  int* volatile lost = new int(1);
  sink = *lost;
  lost = nullptr;
}

void overflow() {
  volatile int large = std::numeric_limits<int>::max();
  sink = large + 1;
}

void race() {
  int shared = 0;
  std::thread other([&shared] { shared += 1; });
  shared += 1;
  other.join();
  sink = shared;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view fault = argc == 2 ? argv[1] : "";
  if (fault == "use_after_free") {
    use_after_free();
  } else if (fault == "leak") {
    leak();
  } else if (fault == "overflow") {
    overflow();
  } else if (fault == "race") {
    race();
  } else {
    std::fputs("usage: sanitizer_bait use_after_free|leak|overflow|race\n", stderr);
    return 2;
  }
  return 0;
}
