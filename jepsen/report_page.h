// report.html: a run to look at.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "jepsen/check.h"
#include "jepsen/history.h"
#include "jepsen/run_facts.h"

namespace ticketd::jepsen {

/// One page that needs nothing but itself: no script, font, picture or request. Its size does not
/// grow with the number of operations.
std::string report_page(const History& history, const Verdict& verdict, const RunFacts& facts);

/// Replaces the file.
Status write_report(const std::filesystem::path& path, const History& history,
                    const Verdict& verdict, const RunFacts& facts);

}  // namespace ticketd::jepsen
