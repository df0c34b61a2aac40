// What `ticketd bench` shows.
#pragma once

#include <string>

#include "load/options.h"
#include "load/report.h"

namespace ticketd::cli {

/// A table for people.
std::string bench_text(const load::Options& options, const load::Report& report);

/// One JSON object, its fields as docs/cli.md names them, with a line end.
std::string bench_json(const load::Options& options, const load::Report& report);

/// A line without its end.
std::string progress_line(const load::Progress& progress);

}  // namespace ticketd::cli
