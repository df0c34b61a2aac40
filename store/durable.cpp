#include "store/durable.h"

#include <cstdio>
#include <cstdlib>

namespace ticketd::store {
namespace {

FatalHandler fatal_handler = nullptr;
DurableStepHook step_hook = nullptr;

}  // namespace

void fatal(const std::string& message) {
  if (fatal_handler != nullptr) {
    fatal_handler(message);
    std::abort();
  }
  std::fprintf(stderr, "ticketd: the disk failed: %s\n", message.c_str());
  std::fflush(stderr);
  // No destructors: they would write.
  std::_Exit(kFatalExit);
}

void set_fatal_handler(FatalHandler handler) { fatal_handler = handler; }

void set_durable_step_hook(DurableStepHook hook) { step_hook = hook; }

void durable_step(const char* step) {
  if (step_hook != nullptr) [[unlikely]] {
    step_hook(step);
  }
}

}  // namespace ticketd::store
