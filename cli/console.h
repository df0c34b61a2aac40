// Where words go: results to standard output, everything else to standard error.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ticketd::cli {

/// Sets up the process's log: spdlog's default logger on standard error.
void set_up_log(bool debug);

/// Writes a result. The error says that it could not be written: an exit code of 0 would then claim
/// that somebody has it.
Status print_result(std::string_view text);

/// "ticketd: MESSAGE" on standard error.
void print_error(std::string_view message);
/// The same without a name in front: progress and advice.
void print_note(std::string_view message);
/// The same without the line's end.
void print_part(std::string_view message);

}  // namespace ticketd::cli
