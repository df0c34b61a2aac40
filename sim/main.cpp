#include <spdlog/spdlog.h>

#include "sim/command.h"

int main(int count, char** arguments) {
  spdlog::set_level(spdlog::level::off);
  return ticketd::sim::run_command(count, arguments);
}
