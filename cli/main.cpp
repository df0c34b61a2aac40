#include "cli/commands.h"

int main(int argument_count, char** arguments) {
  return ticketd::cli::run_command_line(argument_count, arguments);
}
