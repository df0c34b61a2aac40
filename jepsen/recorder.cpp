#include "jepsen/recorder.h"

#include "base/check.h"

namespace ticketd::jepsen {

Recorder::Recorder(const std::filesystem::path& file) : writer_(file) {}

void Recorder::report(Event event) {
  const std::lock_guard lock(mutex_);
  // Within the lock, so that times never go back.
  event.time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                      std::chrono::steady_clock::now() - begin_)
                      .count();
  const Status added = builder_.add(event);
  ENSURE_MSG(added.ok(), added.error().message);
  // Its first error stays, and finish() tells it.
  static_cast<void>(writer_.append(event));
}

void Recorder::fault(const std::string& name, const std::string& what) {
  Event event;
  event.process = kNemesis;
  event.type = EventType::kInfo;
  event.function = Function::kFault;
  event.fault = name;
  event.value = what;
  report(event);
}

void Recorder::flush() {
  const std::lock_guard lock(mutex_);
  static_cast<void>(writer_.flush());
}

Result<History> Recorder::finish() {
  const std::lock_guard lock(mutex_);
  if (const Status closed = writer_.close(); !closed.ok()) return closed.error();
  return builder_.finish();
}

}  // namespace ticketd::jepsen
