// bench: measures a cluster, or any server.
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "cli/bench_view.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "load/generator.h"
#include "server/run.h"

namespace ticketd::cli {
namespace {

/// Set by signals: what was measured until then is shown.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void interrupt(int) { interrupted = true; }

void heed_interrupts() {
  struct sigaction action {};
  action.sa_handler = interrupt;
  // A second one ends the process.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

/// On a terminal each line takes the place of the one before.
class Progress {
 public:
  void show(const load::Progress& progress) {
    const std::string line = progress_line(progress);
    if (on_terminal_) {
      print_part("\r\x1b[K" + line);
      shown_ = true;
    } else {
      print_note(line);
    }
  }
  void end() {
    if (shown_) {
      print_note("");
    }
  }

 private:
  const bool on_terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
};

}  // namespace

int bench(const BenchCommand& command) {
  load::Options options = command.load;
  options.stop = &interrupted;
  heed_interrupts();
  Progress progress;
  const Result<load::Report> report =
      load::generate(options, [&](const load::Progress& now) { progress.show(now); });
  progress.end();
  if (!report) {
    print_error(report.error().message);
    return server::kExitError;
  }
  const Status printed =
      print_result(command.json ? bench_json(options, *report) : bench_text(options, *report));
  if (!printed || report->done() == 0) {
    print_error(printed ? "no request was answered as it should be" : printed.error().message);
    return server::kExitError;
  }
  return server::kExitOk;
}

}  // namespace ticketd::cli
