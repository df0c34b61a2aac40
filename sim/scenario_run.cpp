#include "sim/scenario_run.h"

#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include "sim/run.h"
#include "sim/scenario.h"
#include "sim/violation.h"

namespace ticketd::sim {

namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

bool failed(const std::string& path, const std::string& what) {
  std::printf("%s:%s\n", path.c_str(), what.c_str());
  std::fflush(stdout);
  return false;
}

/// Runs the blocks one behind the other, up to the first that differs, unless it is to be
/// rewritten.
bool perform(const std::string& path, Script& script, bool rewrite) {
  Scenario scenario;
  for (Block& block : script.blocks) {
    const std::string line = std::to_string(block.line) + ": ";
    std::string actual;
    try {
      actual = scenario.run(block);
    } catch (const Violation& violation) {
      return failed(path, line + violation.what() + '\n' + scenario.describe());
    }
    if (rewrite) {
      block.expected = actual;
    } else if (actual != block.expected) {
      return failed(path, line + block.lines.front() + '\n' + difference(block.expected, actual));
    }
  }
  try {
    scenario.finish();
  } catch (const Violation& violation) {
    return failed(path, std::string("end: ") + violation.what());
  }
  return true;
}

bool run_scenario(const std::string& path, bool rewrite) {
  const auto text = read_file(path);
  if (!text) return failed(path, " cannot be read");
  tell_if_aborted("ticketd-sim --scenario " + path);
  try {
    Script script = parse_script(*text);
    const bool performed = perform(path, script, rewrite);
    if (const std::string now = text_of(script); rewrite && now != *text) {
      std::ofstream out(path, std::ios::binary | std::ios::trunc);
      out << now;
      if (!out.flush()) return failed(path, " cannot be written");
      std::printf("%s: written anew\n", path.c_str());
    }
    return performed;
  } catch (const ScriptError& error) {
    return failed(path, std::string(" ") + error.what());
  }
}

}  // namespace

bool run_scenarios(const std::vector<std::string>& paths, bool rewrite) {
  bool all = true;
  for (const std::string& path : paths) all &= run_scenario(path, rewrite);
  return all;
}

}  // namespace ticketd::sim
