// What happens when the disk fails, and the seam at which tests stop the process.
#pragma once

#include <string>

namespace ticketd::store {

/// Ends the process at once, with the message on standard error and exit status kFatalExit. For
/// what must not be survived: after a failed fsync nobody knows what is on the disk, and the kernel
/// reports it only once, so nothing may be written or promised any more. Any thread.
[[noreturn]] void fatal(const std::string& message);

inline constexpr int kFatalExit = 74;  // EX_IOERR

using FatalHandler = void (*)(const std::string& message);
/// For tests: called in place of printing and exiting; it must not return (throw, or exit). Null
/// restores the default. Not while other threads use the store.
void set_fatal_handler(FatalHandler handler);

/// Called right before each operation that changes what a crash would leave behind. Any thread.
using DurableStepHook = void (*)(const char* step);
/// For tests that stop the process at the k-th step. Null: none. Not while other threads use the
/// store.
void set_durable_step_hook(DurableStepHook hook);

void durable_step(const char* step);

}  // namespace ticketd::store
